-- identify, acknowledge, dedupe: each message once and in order, over cuts.

local wsmanager = require "wsmanager"
local dispatch = require "wsmanager.run.dispatch"
local ours = require "support.ours"

local run = wsmanager.run
local serve, refused, await = ours.serve, ours.refused, ours.await
local LONG = ours.LONG

-- "m:12" has the id "12", "a:12" confirms it.
local function id_of (text) return text:match "^m:(.*)" end
local function confirmed_by (text) return text:match "^a:(.*)" end

-- A server that confirms what it receives; `state.got` has each message once, in the
-- order in which they came, `state.repeated` counts the others.
local function confirming (options)
  local state = {got = {}, repeated = 0, seen = {}, connections = 0}
  local _, url = serve(function (ws)
    state.connections = state.connections + 1
    state.ws = ws
    local text = ws:receive()      -- no for: a coroutine of Lua 5.1 cannot wait in one
    while text do
      local id = id_of(text)
      if id and state.seen[id] then
        state.repeated = state.repeated + 1
      elseif id then
        state.seen[id] = true
        state.got[#state.got + 1] = tonumber(id)
      end
      if id and (not options or options(state, id)) then ws:send("a:" .. id) end
      text = ws:receive()
    end
  end)
  return url, state
end

local function new (url, more)
  local options = {
    url = url, identify = id_of, acknowledge = confirmed_by,
    reconnect = {delay = 0.01, factor = 1, limit = false},
    onmessage = function () end,
  }
  for name, value in pairs(more or {}) do options[name] = value or nil end
  return wsmanager.new(options)
end

local function is_settled (ws)
  return ws:stats().unacknowledged == 0 and ws:stats().outbox == 0
end

describe("acknowledged delivery", function ()
  after_each(ours.stop)

  it("loses, doubles and reorders nothing over many cuts", function ()
    local url, state = confirming()
    run(function ()
      local ws = new(url)
      for i = 1, 400 do
        assert(ws:send("m:" .. i, "text", LONG))
        if i % 7 == 0 then wsmanager.sleep(0.001) end
        if i % 23 == 0 then
          -- the messages up to the next cut are sent while it reconnects
          await(function () return state.ws and state.ws.state == "open" end)
          dispatch.drop(state.ws)
        end
      end
      await(function () return is_settled(ws) end)
      assert.equal(400, #state.got)
      for i, id in ipairs(state.got) do assert.equal(i, id) end
      assert.equal(18, state.connections)
      assert.equal(0, ws:stats().dropped)
      ws:close()
    end)
  end)

  it("sends again what was written and not confirmed, before what waits", function ()
    local url, state = confirming(function (s) return s.connections > 1 end)
    run(function ()
      local ws = new(url)
      assert(ws:send "m:1")
      assert(ws:send "plain")
      assert(ws:send "m:2")
      await(function () return #state.got == 2 end)
      assert.equal(2, ws:stats().unacknowledged)
      dispatch.drop(state.ws)
      assert(ws:send "m:3")
      await(function () return is_settled(ws) end)
      assert.same({1, 2, 3}, state.got)
      assert.equal(2, state.repeated)
      ws:close()
    end)
  end)

  it("stops sending to a peer that never confirms: its bound says full", function ()
    local url, state = confirming(function () return false end)
    run(function ()
      local ws = new(url, {outbox = {messages = 3}})
      assert(ws:opened(LONG))
      for i = 1, 6 do assert(ws:send("m:" .. i)) end
      refused("full", ws:send("m:7", "text", 0))
      refused("timeout", ws:send("m:7", "text", 0.02))
      await(function () return #state.got == 3 end)
      assert.equal(3, ws:stats().unacknowledged)
      assert.equal(3, ws:stats().outbox)
      assert.error_matches(function () ws:unacknowledged() end,
        "unacknowledged%(%) is for a connection that is over")
      assert.equal(3, ws:close())
      assert(ws:closed(LONG))
      assert.same({{"m:1", "m:2", "m:3"}, {"text", "text", "text"}},
                  {ws:unacknowledged()})
      assert.same({{}, {}}, {ws:unacknowledged()})
      assert.same({"m:4", "m:5", "m:6"}, (ws:unsent()))
    end)
  end)

  it("reads ids from decoded messages, numbers too", function ()
    local got = {}
    local _, url = serve {
      decode = "json",
      handler = function (ws)
        local value = ws:receive()
        while value do
          got[#got + 1] = value.id
          ws:send {ack = value.id}
          value = ws:receive()
        end
      end,
    }
    run(function ()
      local ws = new(url, {
        decode = "json",
        identify = function (value) return type(value) == "table" and value.id or nil end,
        acknowledge = function (value) return value.ack end,
      })
      assert(ws:send {id = 12345678901234})
      assert(ws:send {id = "x"})
      assert(ws:send "{}")
      await(function () return #got == 2 and is_settled(ws) end)
      ws:close()
    end)
  end)

  it("gives the confirmations to the program, too", function ()
    local url = confirming()
    run(function ()
      local ws = new(url, {onmessage = false})
      assert(ws:send "m:1")
      assert.equal("a:1", ws:receive(LONG))
      assert.equal(0, ws:stats().unacknowledged)
      ws:close()
    end)
  end)

  it("reports an error in a function, and goes on without an id", function ()
    local heard = ours.hush()
    local url, state = confirming()
    run(function ()
      local ws = new(url, {
        identify = function (text)
          if text == "m:1" then error "identify failed" end
          return id_of(text)
        end,
        acknowledge = function (text)
          if text == "a:1" then error "acknowledge failed" end
          if text == "a:2" then return {} end
          return confirmed_by(text)
        end,
      })
      assert(ws:send "m:1")
      assert(ws:send "m:2")
      assert(ws:send "m:3")
      await(function () return #heard == 3 end)
      assert.matches("identify failed", heard[1].text)
      assert.matches("acknowledge failed", heard[2].text)
      assert.matches("bad result of 'acknowledge' %(string, number or nil expected, got table",
                     heard[3].text)
      await(function () return #state.got == 3 and ws:stats().unacknowledged == 1 end)
      ws:close()
    end)
  end)

  it("refuses an id that is too long, and raises for one that is none", function ()
    run(function ()
      local ws = new("ws://127.0.0.1:1", {
        reconnect = false,
        identify = function (text)
          if text == "table" then return {} end
          if text == "nan" then return 0 / 0 end
          return text ~= "none" and text or nil
        end,
      })
      assert.is_true(ws:send(("x"):rep(128)))
      local ok, token, detail = ws:send(("x"):rep(129))
      assert.is_nil(ok)
      assert.equal("toobig", token)
      assert.equal("the message's id has 129 bytes, at most 128 are possible: "
                   .. "it was not sent", detail)
      for _, got in ipairs {"table", "nan"} do
        local _, why = pcall(function ()
          local sent = ws:send(got)
          return sent
        end)
        assert.matches("delivery_spec.lua:%d+: bad result of 'identify' "
                       .. "%(string, number or nil expected, got " .. got .. "%)", why)
      end
      assert.is_true(ws:send "none")
      assert.is_true(ws:send("volatile? none", "text", {ttl = 5}))
      refused("full", ws:send(("x"):rep(200), "text", {volatile = true}))
      ws:close()
    end)
  end)

  it("is not done by half", function ()
    ours.fails("bad option 'identify' %(with no 'acknowledge': nothing would confirm",
               wsmanager.new, {url = "ws://x", identify = print})
    ours.fails("bad option 'acknowledge' %(with no 'identify': there is nothing",
               wsmanager.new, {url = "ws://x", acknowledge = print})
    ours.fails("bad option 'dedupe' %(function expected, got boolean%)",
               wsmanager.new, {url = "ws://x", dedupe = true})
  end)
end)

describe("dedupe", function ()
  after_each(ours.stop)

  -- A server that sends these texts on each connection.
  local function repeating (...)
    local texts = {...}
    local state = {}
    local _, url = serve(function (ws)
      state.ws = ws
      for _, text in ipairs(texts) do ws:send(text) end
      ws:receive()
    end)
    return url, state
  end

  it("gives each message once, over connections, whichever way it is taken", function ()
    local url, state = repeating("m:1", "m:2", "plain", "m:1", "m:3", "plain")
    run(function ()
      local duplicates = {}
      local ws = wsmanager.new {
        url = url, dedupe = id_of, reconnect = {delay = 0.01},
        onduplicate = function (event)
          duplicates[#duplicates + 1] = event.id .. "=" .. event.data .. " " .. event.kind
        end,
      }
      for _, text in ipairs {"m:1", "m:2", "plain", "m:3", "plain"} do
        assert.equal(text, ws:receive(LONG))
      end
      assert.same({"1=m:1 text"}, duplicates)
      dispatch.drop(state.ws)
      assert.equal("plain", ws:receive())
      assert.equal("plain", ws:receive(LONG))
      await(function () return #duplicates == 5 end)
      local got = {}
      ws.onmessage = function (event) got[#got + 1] = event.data end
      dispatch.drop(state.ws)
      await(function () return #got == 2 end)
      assert.same({"plain", "plain"}, got)
      assert.equal("timeout", (select(2, ws:receive(0.01))))
      ws:close()
    end)
  end)

  it("may drop very many in a row", function ()
    local texts = {}
    for i = 1, 5000 do texts[i] = "m:1" end
    texts[5001] = "m:2"
    local unpack = table.unpack or unpack
    local url = repeating(unpack(texts))
    run(function ()
      local ws = wsmanager.new {url = url, dedupe = id_of}
      assert.equal("m:1", ws:receive(LONG))
      assert.equal("m:2", ws:receive())
      ws:close()
    end)
  end)

  it("does not remember an id that is too long, and drops no message for it", function ()
    local long = "m:" .. ("x"):rep(129)
    local url = repeating(long, long, "m:" .. ("y"):rep(128), "m:" .. ("y"):rep(128), "end")
    run(function ()
      local ws = wsmanager.new {url = url, dedupe = id_of}
      assert.equal(long, ws:receive(LONG))
      assert.equal(long, ws:receive(LONG))
      assert.equal("m:" .. ("y"):rep(128), ws:receive(LONG))
      assert.equal("end", ws:receive(LONG))
      ws:close()
    end)
  end)

  it("is a server's, too, for each of its connections", function ()
    local got = {}
    local _, url = serve {
      dedupe = id_of,
      handler = function (ws)
        local text = ws:receive()
        while text do
          got[#got + 1] = text
          text = ws:receive()
        end
      end,
    }
    run(function ()
      for _ = 1, 2 do
        local ws = wsmanager.new {url = url}
        assert(ws:send "m:1")
        assert(ws:send "m:1")
        assert(ws:send "m:2")
        assert(ws:drain(LONG))
        ws:close()
        assert(ws:closed(LONG))
      end
      await(function () return #got == 4 end)
      assert.same({"m:1", "m:2", "m:1", "m:2"}, got)
    end)
  end)

  -- A server that knows its users by their path; `got` has what its handlers received.
  local function knowing (got, more)
    local options = {
      dedupe = id_of, user = function (request) return request.path end,
      handler = function (ws)
        local text = ws:receive()
        while text do
          got[#got + 1] = text
          text = ws:receive()
        end
      end,
    }
    for name, value in pairs(more or {}) do options[name] = value end
    local server, url = serve(options)
    return url, server
  end

  local function send_all (url, ...)
    local ws = wsmanager.new {url = url}
    for _, text in ipairs {...} do assert(ws:send(text)) end
    assert(ws:drain(LONG))
    ws:close()
    assert(ws:closed(LONG))
  end

  it("knows a user's ids again on his next connection to a server", function ()
    local got, duplicates = {}, {}
    local url = knowing(got, {handler = function (ws)
      ws.onduplicate = function (event) duplicates[#duplicates + 1] = event.id end
      local text = ws:receive()
      while text do
        got[#got + 1] = text
        text = ws:receive()
      end
    end})
    run(function ()
      send_all(url .. "/ann", "m:1", "m:2")
      send_all(url .. "/bob", "m:1")
      send_all(url .. "/ann", "m:2", "m:3")
      await(function () return #got == 4 and #duplicates == 1 end)
      assert.same({"m:1", "m:2", "m:1", "m:3"}, got)
      assert.same({"2"}, duplicates)
    end)
  end)

  it("knows them on connections that a user has at the same time", function ()
    local got = {}
    local url = knowing(got)
    run(function ()
      local one, two = wsmanager.new {url = url .. "/ann"}, wsmanager.new {url = url .. "/ann"}
      one:send "m:1"
      await(function () return #got == 1 end)
      two:send "m:1"
      two:send "m:2"
      await(function () return #got == 2 end)
      two:close()
      assert(two:closed(LONG))
      one:send "m:2"
      one:send "m:3"
      await(function () return #got == 3 end)
      assert.same({"m:1", "m:2", "m:3"}, got)
      one:close()
      assert(one:closed(LONG))
    end)
  end)

  it("knows nobody whom 'user' does not name", function ()
    local got = {}
    local url = knowing(got, {user = function () return nil end})
    run(function ()
      send_all(url, "m:1", "m:1")
      send_all(url, "m:1")
      await(function () return #got == 2 end)
    end)
  end)

  it("answers with 500 where 'user' fails or names no user", function ()
    local errors = {}
    local results = {{}, true, 0 / 0}
    local url = knowing({}, {
      user = function () return table.remove(results, 1) or error "no idea" end,
      onerror = function (why) errors[#errors + 1] = why end,
    })
    run(function ()
      for _ = 1, 4 do
        local ws = wsmanager.new {url = url, reconnect = false}
        refused("handshake", ws:opened(LONG))
        assert.equal(500, ws:answer().status)
      end
      await(function () return #errors == 4 end)
      assert.matches("^user must return a string, a number or nil; it returned table",
                     errors[1])
      assert.matches("it returned true$", errors[2])
      assert.matches("no idea$", errors[4])
    end)
  end)

  it("is what 'user' is for", function ()
    ours.fails("bad option 'user' %(with no 'dedupe': it says whose ids are known again%)",
               wsmanager.serve, {port = 0, handler = ours.echo, user = tostring})
  end)

  it("keeps no connection from being collected", function ()
    local url = repeating "m:1"
    run(function ()
      local held = setmetatable({}, {__mode = "k"})
      do
        local ws = new(url, {dedupe = id_of, onmessage = false})
        held[ws] = true
        assert.equal("m:1", ws:receive(LONG))
        ws:close()
        assert(ws:closed(LONG))
      end
      await(function ()
        collectgarbage()
        return next(held) == nil
      end)
    end)
  end)
end)
