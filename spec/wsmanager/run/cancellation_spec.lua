-- task:cancel(), while the task waits for a connection: in every way there is.

local chats = require "support.chats"
local ours = require "support.ours"
local wsmanager = require "wsmanager"

local run, spawn, sleep = wsmanager.run, wsmanager.spawn, wsmanager.sleep
local serve, await, refused, LONG = ours.serve, ours.await, ours.refused, ours.LONG

local function silent (ws) ws:closed() end

-- A server that completes no opening handshake before it stops.
local function slow ()
  return serve {authorize = function () sleep(3600) return true end}
end

-- An open connection to a server that sends and reads nothing.
local function connect (options)
  options = options or {}
  local _, url = serve(options.handler or silent)
  options.handler, options.url = nil, options.url or url
  local ws = wsmanager.new(options)
  assert(ws:opened(LONG))
  return ws
end

-- Sends until nothing goes out any more, and the output is full.
local function fill (ws)
  repeat local ok = ws:send(("x"):rep(65536), "binary", 0.2) until not ok
end

-- A connection whose output is full.
local function connect_full ()
  local ws = connect {buffer = 65536, handler = function () sleep(3600) end}
  fill(ws)
  return ws
end

-- Cancels what waits in fn, which is to return what the wait did.
local function cancelled (fn)
  local waits, got = false, nil
  local task = spawn(function ()
    waits = true
    got = {fn()}
    return "its own result"
  end)
  await(function () return waits end)
  ours.settle()
  assert.is_nil(got)
  assert.is_true(task:cancel())
  assert.same({true, "its own result"}, {task:join(LONG)})
  return (table.unpack or unpack)(got, 1, 4)
end

describe("a task that is cancelled", function ()
  local heard

  before_each(function () heard = ours.hush() end)
  after_each(function ()
    ours.stop()
    assert.same({}, heard)
  end)

  for name, timeout in pairs {["without a timeout"] = false, ["with a timeout"] = 3600} do
    timeout = timeout or nil

    it("while it receives, " .. name, function ()
      run(function ()
        local ws = connect()
        refused("cancelled", cancelled(function () return ws:receive(timeout) end))
        assert.equal("timeout", select(2, ws:receive(0.01)))
        assert.equal("open", ws.state)
      end)
    end)

    it("while it receives beside handlers, " .. name, function ()
      run(function ()
        local ws = connect {decode = "json", dispatch = "op"}
        ws:on("never", error)
        refused("cancelled", cancelled(function () return ws:receive(timeout) end))
        assert.equal("timeout", select(2, ws:receive(0.01)))
      end)
    end)

    it("while it sends, " .. name, function ()
      run(function ()
        local ws = connect_full()
        local before = ws:stats().messages_out
        refused("cancelled", cancelled(function ()
          return ws:send(("y"):rep(65536), "binary", timeout)
        end))
        assert.equal("full", select(2, ws:send("z", "text", 0)))
        assert.equal(before, ws:stats().messages_out)
        assert.equal("open", ws.state)
      end)
    end)

    it("while it drains, " .. name, function ()
      run(function ()
        local ws = connect_full()
        refused("cancelled", cancelled(function () return ws:drain(timeout) end))
        assert.equal("open", ws.state)
      end)
    end)

    it("while it waits for the end, " .. name, function ()
      run(function ()
        local ws = connect()
        refused("cancelled", cancelled(function () return ws:closed(timeout) end))
        ws:close(3001)
        assert.equal(3001, (ws:closed(LONG)))
      end)
    end)

    it("while it connects, " .. name, function ()
      run(function ()
        local _, url = slow()
        local ws = wsmanager.new {url = url, reconnect = false}
        refused("cancelled", cancelled(function () return ws:opened(timeout) end))
        assert.equal("connecting", ws.state)
        ws:close()
      end)
    end)

    it("while its login receives, " .. name, function ()
      run(function ()
        local _, url = serve(silent)
        local answer
        local ws = wsmanager.new {
          url = url, reconnect = false,
          login = function (handle)
            answer = {cancelled(function () return handle:receive(timeout) end)}
          end,
        }
        assert(ws:opened(LONG))
        refused("cancelled", answer[1], answer[2], answer[3])
      end)
    end)

    it("while its login sends, " .. name, function ()
      run(function ()
        local _, url = serve(function () sleep(3600) end)
        local answer
        local ws = wsmanager.new {
          url = url, reconnect = false, buffer = 65536, timeouts = {login = 3600},
          login = function (handle)
            fill(handle)
            answer = {cancelled(function ()
              return handle:send(("x"):rep(65536), "binary", timeout)
            end)}
          end,
        }
        assert(ws:opened(LONG))
        refused("cancelled", answer[1], answer[2], answer[3])
      end)
    end)

    it("while it puts and takes, " .. name, function ()
      run(function ()
        local queue = wsmanager.queue(1)
        refused("cancelled", cancelled(function () return queue:take(timeout) end))
        queue:put(1)
        refused("cancelled", cancelled(function () return queue:put(2, timeout) end))
        assert.equal(1, queue:count())
      end)
    end)

    it("while it joins, " .. name, function ()
      run(function ()
        local other = spawn(sleep, 3600)
        refused("cancelled", cancelled(function () return other:join(timeout) end))
        assert.equal("running", other.state)
        other:cancel()
      end)
    end)
  end

  it("while it sleeps", function ()
    run(function ()
      refused("cancelled", cancelled(function () return sleep(3600) end))
      refused("cancelled", cancelled(function () return sleep(math.huge) end))
    end)
  end)

  it("while it waits for a pong", function ()
    run(function ()
      local ws = connect {handler = function (other)
        -- its inbox is full: it reads no ping
        other:closed()
      end}
      local peer = connect {url = ws.url, inbox = 1024}
      peer:close()
      local task, got
      task = spawn(function ()
        task:cancel()
        got = {ws:ping(nil, 3600)}
      end)
      task:join(LONG)
      refused("cancelled", got[1], got[2], got[3])
      assert.is_number(ws:ping(nil, LONG))
    end)
  end)

  it("while it iterates over messages: the loop ends", function ()
    if not pcall(function () run(function () connect():messages() end) end) then
      return    -- a coroutine of Lua 5.1 cannot
    end
    run(function ()
      local ws = connect {handler = function (other)
        other:send "one"
        other:closed()
      end}
      local got = {}
      assert.equal("over", cancelled(function ()
        for message in ws:messages() do got[#got + 1] = message end
        return "over"
      end))
      assert.same({"one"}, got)
      assert.equal("open", ws.state)
    end)
  end)

  it("while it migrates: the connection is as it was", function ()
    run(function ()
      local ws = connect {handler = ours.echo}
      local _, other = slow()
      refused("cancelled", cancelled(function () return ws:migrate(other) end))
      ws:send "still here"
      assert.equal("still here", ws:receive(LONG))
      local _, good = serve()
      assert.is_true(ws:migrate(good))
    end)
  end)

  it("while it stops a server: that is at once", function ()
    run(function ()
      local server = serve {
        handler = function (other) sleep(3600) other:close() end, connections = 100,
      }
      local all = {}
      for i = 1, 20 do
        all[i] = wsmanager.new {
          url = "ws://127.0.0.1:" .. server.port, reconnect = false, inbox = 1024,
        }
        assert(all[i]:opened(LONG))
      end
      local task
      task = spawn(function ()
        task:cancel()
        server:stop(3600)
        return server.closed
      end)
      assert.same({true, true}, {task:join(LONG)})
    end)
  end)

  it("keeps no message that came for it", function ()
    run(function ()
      local ws = connect {handler = ours.echo}
      local got, tasks = {}, {}
      for i = 1, 100 do
        tasks[i] = spawn(function ()
          local message = ws:receive()
          if message then got[#got + 1] = message end
        end)
      end
      ours.settle()
      for i = 1, 50 do ws:send(tostring(i)) end
      for i = 1, 100, 2 do tasks[i]:cancel() end
      for i = 1, 100 do assert.is_true((tasks[i]:join(LONG))) end
      while #got < 50 do got[#got + 1] = assert(ws:receive(LONG)) end
      for i = 1, 50 do got[i] = tonumber(got[i]) end
      table.sort(got)
      for i = 1, 50 do assert.equal(i, got[i]) end
    end)
  end)

  it("gives its place among the senders to the next", function ()
    run(function ()
      local reads = false
      local ws = connect {buffer = 65536, handler = function (other)
        await(function () return reads end)
        while other:receive() do end
      end}
      local block = ("x"):rep(65536)
      fill(ws)
      local tasks, sent = {}, {}
      for i = 1, 6 do
        tasks[i] = spawn(function ()
          if ws:send(block, "binary") then sent[#sent + 1] = i end
        end)
      end
      ours.settle()
      for _, i in ipairs {1, 4, 6} do tasks[i]:cancel() end
      reads = true
      for i = 1, 6 do assert.is_true((tasks[i]:join(LONG))) end
      assert.same({2, 3, 5}, sent)
    end)
  end)

  it("is no more a reason to keep the connection", function ()
    run(function ()
      local kept = setmetatable({}, {__mode = "v"})
      do
        local ws = connect()
        kept[1] = ws
        local task = spawn(function () return select(2, ws:receive()) end)
        ours.settle()
        task:cancel()
        assert.equal("cancelled", select(2, task:join(LONG)))
      end
      await(function ()
        collectgarbage()
        return not kept[1]
      end)
    end)
  end)

  if coroutine.close then
    it("and closed before it runs again keeps nothing", function ()
      run(function ()
        local kept = setmetatable({}, {__mode = "v"})
        do
          local ws = connect()
          kept[1] = ws
          local task = spawn(function () ws:receive() end)
          ours.settle()
          task:cancel()
          coroutine.close(task.thread)
          assert.equal("closed", select(2, task:join(LONG)))
        end
        await(function ()
          collectgarbage()
          return not kept[1]
        end)
      end)
    end)
  end

  it("while it waits in a chat", chats.beside({}, function (_, join)
    local talk = join("a")
    assert(talk.ws:opened(LONG))
    talk.onmessage = nil
    refused("cancelled", cancelled(function () return talk:receive() end))
    refused("cancelled", cancelled(function () return talk:receive(3600) end))
  end))

  it("while it waits on a connection that is locked waits no more", function ()
    run(function ()
      local ws = wsmanager.new {
        url = function () return nil, "not today" end,
      }
      local task
      task = spawn(function ()
        task:cancel()
        return select(2, ws:closed(5))
      end)
      local ok, token = task:join(LONG)
      assert.is_true(ok)
      assert.is_true(token == "locked" or token == "cancelled")
    end)
  end)
end)
