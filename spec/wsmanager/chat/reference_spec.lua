-- The class of the document that the project began with as the reference: its
-- JavaScript, run by node on a clock of its own, and chat.wsManager with factor = 1 and
-- jitter = 0, in a process whose time passes only while it waits, go through the same
-- script of a server. They do the same things at the same times, but for what
-- docs/explanation/seed.md says we correct.

local json = require "support.json"
if not json.is_there "the seed's own class" then return end

local files = require "support.files"
local programs = require "support.programs"

local BEAT = '{"action":4}'

-- What one of the two did by `till`, as its lines tell: { connect = times, send = times }.
local function read (text)
  local done = { connect = {}, send = {} }
  for line in text:gmatch "[^\n]+" do
    local at, what, data = line:match "^(%d+) (%a+) ?(.*)$"
    assert(done[what], text)
    assert(what ~= "send" or data == BEAT, line)
    table.insert(done[what], tonumber(at))
  end
  assert(done.connect[1], text)
  return done
end

local function arguments (script, till)
  local words = { ("%d"):format(till) }
  if script.answer then words[2] = "answer" end
  for _, one in ipairs(script) do words[#words + 1] = one[1] .. ":" .. one[2] end
  return table.concat(words, " ")
end

local function run (command)
  local pipe = assert(io.popen("timeout 60 " .. command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local function reference (script, till)
  return read(run("node spec/support/seed/run.js " .. arguments(script, till)))
end

local preload = "LD_PRELOAD='" .. assert(files.module "lapses") .. "' "

local function ours (script, till)
  return read(programs.output("spec/support/seed/run.lua " .. arguments(script, till),
    preload))
end

-- Milliseconds: a heartbeat may be late by so much, that others go with it.
local LATE = 50

local function are_same_times (theirs, mine)
  local what = ("%s and %s"):format(table.concat(theirs, " "), table.concat(mine, " "))
  assert.equal(#theirs, #mine, what)
  for i, at in ipairs(theirs) do
    assert.is_true(math.abs(at - mine[i]) <= LATE, what)
  end
end

local function do_the_same (script, till)
  local theirs, mine = reference(script, till), ours(script, till)
  are_same_times(theirs.connect, mine.connect)
  are_same_times(theirs.send, mine.send)
end

local scripts = {
  ["silence after the opening"] = { till = 89000, { 7, "open" } },
  ["heartbeats that are answered"] = { till = 310000, answer = true, { 7, "open" } },
  ["a message"] = { till = 84000, { 0, "open" }, { 20000, "message" } },
  ["messages all the time"] = {
    till = 150000, { 0, "open" }, { 10000, "message" }, { 39900, "message" },
    { 65000, "message" }, { 94800, "message" }, { 94900, "message" },
  },
  ["a message just before a heartbeat is due"] = {
    till = 110000, { 0, "open" }, { 29900, "message" }, { 59800, "message" },
  },
  ["an attempt that fails"] = { till = 1900 + 2000, { 5, "error" } },
  ["a close in order"] = { till = 20000, { 0, "open" }, { 10000, "close" } },
  ["a loss"] = { till = 20000, { 0, "open" }, { 10000, "error" } },
  ["attempts that fail until none is left"] = {
    till = 600000, { 10, "error" }, { 2120, "error" }, { 4230, "error" }, { 6340, "error" },
    { 8450, "error" }, { 10560, "error" }, { 12670, "error" }, { 14780, "error" },
    { 16890, "error" }, { 19000, "error" }, { 21110, "error" },
  },
  ["a close, an attempt that fails, a loss"] = {
    till = 20000, { 3, "open" }, { 900, "close" }, { 6100, "error" }, { 8300, "open" },
    { 9100, "error" },
  },
}

describe("the seed's own class and chat.wsManager", function ()
  for name, script in pairs(scripts) do
    it("do the same at the same times: " .. name, function ()
      do_the_same(script, script.till)
    end)
  end

  -- Messages at random, on one connection.
  local function chatter (seed)
    local script, now = { answer = true, { 0, "open" } }, 0
    for _ = 1, 20 do
      seed = (seed * 1103515 + 12345) % 2147483
      now = now + seed % 99000
      script[#script + 1] = { now, "message" }
    end
    return script, now + 99000
  end

  for seed = 1, 4 do
    it("do the same at the same times: messages at random, " .. seed, function ()
      do_the_same(chatter(seed * 7919))
    end)
  end
end)

describe("the seed's own class, unlike chat.wsManager,", function ()
  it("makes two attempts after an error and the close that follows it", function ()
    local script = { { 5, "error" }, { 6, "close" } }
    assert.same({ 0, 2005, 5006 }, reference(script, 12000).connect)
    are_same_times({ 0, 2005 }, ours({ { 5, "error" } }, 11000).connect)
  end)

  it("never sets the count of attempts back", function ()
    local script, now = {}, 0
    for _ = 1, 12 do
      script[#script + 1] = { now, "open" }
      script[#script + 1] = { now + 6000, "error" }
      now = now + 8100
    end
    local till = now + 100
    local seeds, mine = {}, ours(script, till).connect
    for i, one in ipairs(script) do
      if i <= 22 then seeds[i] = one end -- there is no other socket then
    end
    assert.equal(11, #reference(seeds, till).connect)
    assert.equal(13, #mine)
  end)

  it("asks no silent peer whether it is there: a pong is a sign of life", function ()
    local script = { { 0, "open" } }
    assert.same({ 30000, 60000, 90000, 120000 }, reference(script, 124000).send)
    -- a ping 35 s after the heartbeat that nobody answered; the next one 30 s after its pong
    are_same_times({ 30000, 60000, 95000 }, ours(script, 124000).send)
  end)

  it("never notices a dead peer", function ()
    local script = { { 0, "open" } }
    assert.same({ 0 }, reference(script, 500000).connect)
    script[2] = { 1000, "hang" }
    are_same_times({ 0, 102000 }, ours(script, 104000).connect)
  end)

  it("sends the heartbeats of old connections, too", function ()
    local script = { { 0, "open" }, { 1000, "error" }, { 4000, "open" } }
    assert.same({ 30000, 34000 }, reference(script, 40000).send)
    are_same_times({ 34000 }, ours(script, 40000).send)
  end)
end)
