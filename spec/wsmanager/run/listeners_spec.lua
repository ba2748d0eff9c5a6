local wsmanager = require "wsmanager"
local error_objects = require "support.error_objects"
local ours = require "support.ours"

local run, sleep = wsmanager.run, wsmanager.sleep
local await, fails, echo, sayer =
  ours.await, ours.fails, ours.echo, ours.sayer

local url, heard

local function serve (handler)
  local _
  _, url = ours.serve(handler)
end

describe("events", function ()
  before_each(function () heard = ours.hush() end)
  after_each(ours.stop)

  local function connect (options)
    options = options or {}
    options.url = url
    if options.reconnect == nil then options.reconnect = false end
    return wsmanager.new(options)
  end

  it("reach properties and listeners in the order they were set", function ()
    serve(sayer("x"))
    run(function ()
      local ws, order = connect(), {}
      local function noter (name)
        return function () order[#order + 1] = name end
      end
      ws:addEventListener("message", noter "first")
      ws.onmessage = noter "replaced"
      ws:addEventListener("message", noter "third")
      ws.onmessage = noter "second"
      assert.is_function(ws.onmessage)
      await(function () return ws.state == "closed" end)
      assert.same({"first", "second", "third"}, order)
    end)
  end)

  it("reach a listener only once with `once`, and no removed one", function ()
    serve(sayer("1", "2", "3"))
    run(function ()
      local ws, once, removed, all = connect(), 0, 0, 0
      local function remover ()
        removed = removed + 1
        ws:removeEventListener("message", remover)
      end
      local function counter () all = all + 1 end
      ws:addEventListener("message", function () once = once + 1 end,
                          {once = true})
      ws:addEventListener("message", remover)
      ws:addEventListener("message", counter)
      ws:addEventListener("message", counter)
      ws:removeEventListener("message", print)
      await(function () return ws.state == "closed" end)
      assert.same({1, 1, 3}, {once, removed, all})
    end)
  end)

  it("reach one that is both property and listener as each of them", function ()
    serve(function (ws)
      while ws:receive() do ws:send("x") end
    end)
    run(function ()
      local ws, others, both = connect(), 0, 0
      local function once () others = others + 1 end
      local function count () both = both + 1 end
      for i = 1, 20 do
        ws:addEventListener("message", function () return once(i) end)
      end
      ws.onmessage = count
      ws:addEventListener("message", count)
      ws:addEventListener("message", count)
      local function messages (n)
        local before = others
        for _ = 1, n do ws:send("again") end
        await(function () return others == before + 20 * n end)
        sleep(0)
        return both
      end
      assert.equal(4, messages(2))
      ws.onmessage = nil
      ws:addEventListener("message", count)
      assert.equal(5, messages(1))
      ws:removeEventListener("message", count)
      assert.equal(5, messages(1))
      ws:close()
    end)
  end)

  it("no longer reach a property that is nil", function ()
    serve(sayer("1"))
    run(function ()
      local ws = connect {onmessage = error}
      ws.onmessage = nil
      assert.is_nil(ws.onmessage)
      assert.equal("1", ws:receive(60))
      assert.same({}, heard)
    end)
  end)

  it("go on when a handler throws, which is reported", function ()
    serve(sayer("1", "2"))
    run(function ()
      local ws, all = connect(), {}
      ws.onmessage = function (event) error("dislike " .. event.data) end
      ws:addEventListener("message", function (event)
        all[#all + 1] = event.data
      end)
      await(function () return ws.state == "closed" end)
      assert.same({"1", "2"}, all)
      assert.equal(2, #heard)
      assert.matches("dislike 1", heard[1].why)
      assert.matches("dislike 1.*traceback.*listeners_spec", heard[1].text)
    end)
  end)

  it("go on whatever a handler throws and does to its event", function ()
    local raise = {__index = function () error("looked at") end}
    local count = 0
    serve(function (ws)
      for i = 1, 4 do ws:send("message " .. i) end
    end)
    for _, why in pairs(error_objects) do
      count = count + 1
      run(function ()
        local ws, all = connect(), {}
        local spoil = {
          function (event) event.target = 5 end,
          function (event) event.target = setmetatable({}, raise) end,
          function (event)
            event.type, event.target = setmetatable({}, raise), {url = {}}
          end,
          function (event)
            event.type, event.target = nil, nil
            setmetatable(event, raise)
          end,
        }
        ws.onmessage = function (event)
          all[#all + 1] = event.data
          spoil[#all](event)
          error(why, 0)
        end
        await(function () return ws.state == "closed" and all[4] end)
        assert.equal(4 * count, #heard)
        assert.is_true(rawequal(why, heard[#heard].why))
      end)
    end
  end)

  it("do not compare listeners by their __eq", function ()
    serve(sayer("x", "y"))
    run(function ()
      local ws, calls = connect(), 0
      local function callable ()
        return setmetatable({}, {
          __eq = error, __metatable = true,
          __call = function () calls = calls + 1 end,
        })
      end
      ws:addEventListener("message", callable())
      ws:addEventListener("message", callable(), {once = true})
      await(function () return ws.state == "closed" end)
      assert.equal(3, calls)
    end)
  end)

  it("give messages to a handler before the close that follows them", function ()
    serve(sayer("1", "2", "3"))
    run(function ()
      local order = {}
      local ws = connect {
        onmessage = function (event) order[#order + 1] = event.data end,
        onclose = function (event) order[#order + 1] = event.code end,
      }
      await(function () return ws.state == "closed" end)
      assert.same({"1", "2", "3", 1000}, order)
    end)
  end)

  it("hold messages back while their handler waits", function ()
    serve(sayer("1", "2", "3"))
    run(function ()
      local order, inside = {}, 0
      connect {onmessage = function (event)
        inside = inside + 1
        assert.equal(1, inside)
        sleep(0)
        inside = inside - 1
        order[#order + 1] = event.data
      end}
      await(function () return order[3] end)
      assert.same({"1", "2", "3"}, order)
      assert.same({}, heard)
    end)
  end)

  it("let a handler receive the next message itself", function ()
    serve(sayer("question", "answer", "rest"))
    run(function ()
      local order = {}
      connect {onmessage = function (event)
        order[#order + 1] = "event " .. event.data
        if event.data == "question" then
          order[#order + 1] = "received " .. event.target:receive(60)
        end
      end}
      await(function () return order[3] end)
      assert.same({"event question", "received answer", "event rest"}, order)
    end)
  end)

  it("have attempt and delay when reconnecting", function ()
    serve(sayer("x"))
    run(function ()
      local events = {}
      local ws = connect {
        reconnect = {delay = 0.1, pause = 0, jitter = 0},
        onreconnecting = function (event) events[#events + 1] = event end,
      }
      assert.equal("x", ws:receive(60))
      assert.equal("x", ws:receive(60))
      ws:close()
      assert.equal(1, events[1].attempt)
      assert.equal(0.1, events[1].delay)
      assert.equal(ws, events[1].target)
    end)
  end)

  it("drain comes when there is room again", function ()
    local reading = false
    serve(function (ws)
      repeat sleep(0.001) until reading
      echo(ws)
    end)
    run(function ()
      local drained = false
      local ws = connect {
        buffer = 65536, ondrain = function () drained = true end,
      }
      assert(ws:opened(60))
      local ok
      repeat ok = ws:send(("x"):rep(65536), "binary", 0) until not ok
      reading = true
      repeat ws:receive(0.001) until drained
    end)
  end)

  it("refuse unknown names, and listeners that cannot be called", function ()
    serve()
    local ws = connect()
    fails("unknown event 'mesage' %(did you mean 'message'%?%)",
          ws.addEventListener, ws, "mesage", print)
    fails("bad argument #2 to 'addEventListener' %(function expected, got nil",
          ws.addEventListener, ws, "message")
    fails("bad argument #1 to 'removeEventListener' %(string expected, got ta",
          ws.removeEventListener, ws, {}, print)
    ws:close()
  end)

  it("call what can be called", function ()
    serve(sayer("x"))
    run(function ()
      local got
      local ws = connect()
      ws:addEventListener("message", setmetatable({}, {
        __call = function (_, event) got = event.data end,
      }))
      await(function () return got end)
      assert.equal("x", got)
    end)
  end)
end)
