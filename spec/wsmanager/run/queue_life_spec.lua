-- Whatever happens to a queue, those who put and those who take: each value that was put
-- is taken once, in order, and nobody waits for ever.

local schedulers = require "support.schedulers"

local LIVES, STEPS = 60, 300

local TIMEOUTS = {0, 1, 3, math.huge, false}

-- Its numbers are the same in each Lua: random(n) is from 1 to n.
local function new_random (seed)
  local state = seed * 7919 + 1
  return function (n)
    state = (state * 1103515245 + 12345) % 2147483648
    return math.floor(state / 65536) % n + 1
  end
end

local Life = {}
Life.__index = Life

local function new_life (seed)
  local made, random = schedulers.new(), new_random(seed)
  local self = setmetatable({
    scheduler = made.scheduler, spawn = made.task.spawn, random = random,
    limit = ({1, 2, 3, false})[random(4)], tasks = {}, put = 0, taken = {},
  }, Life)
  self.queue = made.queue.new(self.limit or nil)
  made.report.set_hooks {onerror = function (why) self.failure = why end}
  return self
end

-- Why a wait ended; `closed` only when it is.
function Life:check (token, detail, ...)
  assert.is_string(detail)
  for _, expected in ipairs {"timeout", "cancelled", ...} do
    if token == expected then return end
  end
  assert.equal("closed", token)
  assert.is_true(self.closed)
end

function Life:note_taken (box)
  assert.is_nil(self.taken[box])
  self.taken[box] = true
  self.taken[#self.taken + 1] = box
end

function Life:put_some (timeout)
  for _ = 1, self.random(5) do
    local box = {}
    local ok, token, detail = self.queue:put(box, timeout)
    if ok then self.put = self.put + 1 else self:check(token, detail, "full") end
    if token == "cancelled" then return end
    if self.random(4) == 1 then self.scheduler.sleep(self.random(3) - 1) end
  end
end

function Life:take_some (timeout)
  for _ = 1, self.random(5) do
    local box, token, detail = self.queue:take(timeout)
    if box then self:note_taken(box) else self:check(token, detail) end
    if token == "cancelled" then return end
    if self.random(4) == 1 then self.scheduler.sleep(self.random(3) - 1) end
  end
end

function Life:any_task ()
  return self.tasks[self.random(#self.tasks + 1)]
end

local happens = {}

function happens.put (self)
  local timeout = TIMEOUTS[self.random(#TIMEOUTS)] or nil
  self.tasks[#self.tasks + 1] = self.spawn(self.put_some, self, timeout)
end

function happens.take (self)
  local timeout = TIMEOUTS[self.random(#TIMEOUTS)] or nil
  self.tasks[#self.tasks + 1] = self.spawn(self.take_some, self, timeout)
end

function happens.cancel (self)
  local task = self:any_task()
  if task then task:cancel() end
end

function happens.close_coroutine (self)
  local task = self:any_task()
  local close = coroutine.close
  if not close or not task or task.state ~= "running" then return end
  if coroutine.status(task.thread) == "suspended" then close(task.thread) end
end

function happens.take_at_once (self)
  local box = self.queue:take(0)
  if box then self:note_taken(box) end
end

function happens.step (self)
  self.scheduler.step(({0, 0.5, 2})[self.random(3)])
end

function happens.close (self)
  if self.random(25) > 1 then return end
  self.queue:close()
  self.closed = true
end

local KINDS = {
  "put", "put", "put", "take", "take", "take", "cancel", "close_coroutine",
  "take_at_once", "step", "step", "close",
}

function Life:finish ()
  self.queue:close()
  self.closed = true
  for _ = 1, 60 do self.scheduler.step(1) end
  while self.queue:count() > 0 do self:note_taken((self.queue:take(0))) end
  for _, task in ipairs(self.tasks) do
    assert.is_true(task.state == "returned" or task.state == "cancelled"
                   or task.state == "closed", task.text or task.state)
  end
  assert.is_nil(self.failure)
  assert.equal(self.put, #self.taken)
end

describe("any life of a queue", function ()
  it("loses and doubles no value, and ends all waits", function ()
    for seed = 1, LIVES do
      local life = new_life(seed)
      for _ = 1, STEPS do
        happens[KINDS[life.random(#KINDS)]](life)
        if life.limit then assert.is_true(life.queue:count() <= life.limit) end
      end
      life:finish()
    end
  end)
end)
