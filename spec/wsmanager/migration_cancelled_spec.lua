-- ws:migrate() in a task that is cancelled, at each moment: it ends with nil, "cancelled",
-- the attempt is given up, and the connection is as it was, unless it has moved already.

local wsmanager = require "wsmanager"
local migrations = require "support.migrations"
local ours = require "support.ours"

local run, spawn, sleep = wsmanager.run, wsmanager.spawn, wsmanager.sleep
local serve, await, refused, LONG = ours.serve, ours.await, ours.refused, ours.LONG

local named = migrations.named

-- Has the server's side of a connection been closed, of this list of `named`?
local function closed (list)
  for _, text in ipairs(list) do
    if text:find "closed" then return true end
  end
  return false
end

local function is_on (ws, name)
  ws:send "hello"
  assert.equal(name .. " hello", ws:receive(LONG))
end

describe("a migration whose task is cancelled", function ()
  local ws, first, second, ended_first, ended, events

  before_each(function ()
    ended_first, ended, events = {}, {}, {}
    first, second = select(2, serve(named("a", ended_first))), select(2, serve(named("b", ended)))
  end)
  after_each(ours.stop)

  local function open (options)
    options = options or {}
    options.url = options.url or first
    ws = migrations.open(options)
    sleep(0)             -- its `open` is told before we listen
    migrations.listen(ws, events)
  end

  -- It was given up, and the connection is as it was.
  local function given_up (task)
    refused("cancelled", select(2, task:join(LONG)))
    is_on(ws, "a")
    assert.same({{}, 0}, {events, #ended_first - 1})    -- our hello
    assert.is_true(ws:migrate(second))    -- nothing of it is left
    is_on(ws, "b")
  end

  it("before it has begun: there is no attempt", function ()
    run(function ()
      local asked = false
      local _, other = serve {authorize = function () asked = true return true end}
      open()
      local task
      task = spawn(function ()
        task:cancel()
        return ws:migrate(other)
      end)
      given_up(task)
      assert.is_false(asked)
    end)
  end)

  it("again and again raises", function ()
    run(function ()
      open()
      local task
      task = spawn(function ()
        task:cancel()
        while true do ws:migrate(second) end
      end)
      local ok, why = task:join(LONG)
      assert.is_false(ok)
      assert.matches("this task was cancelled and goes on waiting", why)
      is_on(ws, "a")
    end)
  end)

  it("while the new one waits for its 101", function ()
    run(function ()
      local asked, refuse = false, false
      local _, other = serve {authorize = function ()
        asked = true
        repeat sleep(0.001) until refuse
        return nil
      end}
      open()
      local task = spawn(function () return ws:migrate(other) end)
      await(function () return asked end)
      task:cancel()
      given_up(task)
      refuse = true
    end)
  end)

  it("while the new one logs in", function ()
    run(function ()
      local told
      open()
      local task = spawn(function ()
        return ws:migrate(second, function (handle)
          told = false
          told = {handle:receive()}
          return true
        end)
      end)
      await(function () return told == false end)
      task:cancel()
      refused("cancelled", select(2, task:join(LONG)))
      await(function () return told end)
      refused("closed", told[1], told[2], told[3])
      await(function () return closed(ended) end)
      given_up(task)
    end)
  end)

  it("in the login itself, as the last thing that it does", function ()
    run(function ()
      open()
      local task
      task = spawn(function ()
        return ws:migrate(second, function ()
          task:cancel()
          return true
        end)
      end)
      local _, ok, token = task:join(LONG)
      assert.is_true(ok or token == "cancelled")
      is_on(ws, ok and "b" or "a")
      assert.same(ok and {"open migrated"} or {}, events)
    end)
  end)

  it("while it waits for the end of the one before", function ()
    run(function ()
      local stop = false
      local _, talker = serve(function (other)
        while not stop and other:send("x" .. ("x"):rep(4000)) do end
        other:receive()
      end)
      open {url = talker, inbox = 20000, timeouts = {close = 3600}}
      assert.is_true(ws:migrate(first))
      local asked = false
      local _, third = serve {authorize = function () asked = true return true end,
                              handler = named("c", {})}
      local task = spawn(function () return ws:migrate(third) end)
      await(function () return asked end)
      for _ = 1, 5 do sleep(0.001) end    -- time to open; a wait it is in any case
      task:cancel()
      refused("cancelled", select(2, task:join(LONG)))
      stop = true
      ws:send "hello"
      local data
      repeat data = assert(ws:receive(LONG)) until data:sub(1, 1) ~= "x"
      assert.equal("a hello", data)
      assert.is_true(ws:migrate(second))
      is_on(ws, "b")
    end)
  end)

  it("once it has moved: it has", function ()
    run(function ()
      open()
      local task
      ws:addEventListener("open", function () task:cancel() end)
      task = spawn(function () return ws:migrate(second) end)
      assert.same({true, true}, {task:join(LONG)})
      is_on(ws, "b")
      assert.same({"open migrated"}, events)
    end)
  end)

  it("where the old one is lost meanwhile: it reconnects by itself", function ()
    run(function ()
      local server, url = serve(named("old", {}))
      local asked = false
      open {
        url = {url, first},
        reconnect = {delay = 0.01, jitter = 0, pause = 0, factor = 1},
      }
      local task = spawn(function ()
        return ws:migrate(second, function (handle)
          asked = true
          handle:receive()
        end)
      end)
      await(function () return asked end)
      server:stop(0)
      await(function () return ws.state ~= "open" end)
      task:cancel()
      refused("cancelled", select(2, task:join(LONG)))
      assert(ws:opened(LONG))
      await(function () return closed(ended) end)
      is_on(ws, "a")
    end)
  end)

  it("where it is closed in the same moment: it is closed", function ()
    run(function ()
      local told = false
      open()
      local task = spawn(function ()
        return ws:migrate(second, function (handle)
          told = true
          handle:receive()
        end)
      end)
      await(function () return told end)
      ws:close()
      task:cancel()
      local _, ok, token = task:join(LONG)
      assert.is_nil(ok)
      assert.is_true(token == "closed" or token == "cancelled")
      assert.is_number((ws:closed(LONG)))
      await(function () return closed(ended) and closed(ended_first) end)
    end)
  end)
end)
