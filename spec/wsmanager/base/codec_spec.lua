local wsmanager = require "wsmanager"
local codec = require "wsmanager.base.codec"
local error_objects = require "support.error_objects"
local json = require "support.json"
local ours = require "support.ours"

local run = wsmanager.run
local sayer = ours.sayer

-- A connection with these options to a server with this handler.
local function pair (options, handler)
  local _
  _, options.url = ours.serve(handler)
  options.reconnect = false
  return wsmanager.new(options)
end

after_each(ours.stop)

describe("a codec that throws", function ()
  for name, why in pairs(error_objects) do
    it(name .. " refuses the message, and no more", function ()
      local heard = ours.hush()
      local with = {
        decode = function () error(why, 0) end,
        encode = function () error(why, 0) end,
      }
      run(function ()
        local ws = pair({decode = with}, sayer("1", "2", "3"))
        ours.refused("codec", ws:receive(ours.LONG))
        ours.refused("codec", ws:send {})
        local events = {}
        ws.onerror = function (event) events[#events + 1] = event end
        ws.onmessage = error
        ours.await(function () return #events == 2 end)
        for i, event in ipairs(events) do
          assert.equal("codec", event.token)
          assert.is_string(event.message)
          assert.equal(tostring(i + 1), event.raw)
        end
        assert.same({}, heard)
      end)
    end)
  end
end)

local function describe_json ()
  it("encodes and decodes tables, numbers, booleans and null", function ()
    run(function ()
      local ws = pair {decode = "json"}
      assert(ws:send {action = 2, list = {1, 2}, nothing = wsmanager.null})
      local value, kind = ws:receive(60)
      assert.same({action = 2, list = {1, 2}, nothing = wsmanager.null}, value)
      assert.equal("text", kind)
      for _, each in ipairs {1.5, true, wsmanager.null} do
        assert(ws:send(each))
        assert.equal(each, ws:receive(60))
      end
      assert(ws:send(false))
      assert.same({false, "text"}, {ws:receive(60)})
    end)
  end)

  it("sends a string as it is", function ()
    run(function ()
      local ws = pair {decode = "json"}
      assert(ws:send('{"action":4}'))
      assert.same({action = 4}, ws:receive(60))
    end)
  end)

  it("leaves binary messages alone", function ()
    run(function ()
      local ws = pair {decode = "json"}
      assert(ws:send("\137PNG", "binary"))
      assert.same({"\137PNG", "binary"}, {ws:receive(60)})
    end)
  end)

  it("returns data that cannot be decoded as it came, and goes on", function ()
    run(function ()
      local ws = pair({decode = "json"}, sayer("{nonsense", "[1]"))
      local value, token, why, raw = ws:receive(60)
      assert.is_nil(value)
      assert.equal("codec", token)
      assert.matches("^it is no JSON, as decode = \"json\" wants: [Ee]xpected", why)    -- no position of ours
      assert.equal("{nonsense", raw)
      assert.same({1}, ws:receive(60))
    end)
  end)

  it("is strict: no NaN, no hexadecimal", function ()
    for _, text in ipairs {"NaN", "[0x10]", "[Infinity]", ""} do
      local value, token = codec.decode(codec.json(), text, "text")
      assert.is_nil(value)
      assert.equal("codec", token)
    end
  end)

  it("fires an error event in messages(), and goes on", function ()
    local ws = pair({decode = "json"}, sayer("1", "{", "2"))
    local values, failed = {}, nil
    ws.onerror = function (event) failed = event end
    for value in ws:messages() do values[#values + 1] = value end
    assert.same({1, 2}, values)
    assert.equal("codec", failed.token)
    assert.equal("{", failed.raw)
    assert.is_string(failed.message)
  end)

  it("gives handlers decoded data, and errors for the rest", function ()
    run(function ()
      local values, failed = {}, nil
      local ws = pair({
        decode = "json",
        onmessage = function (event) values[#values + 1] = event.data end,
        onerror = function (event) failed = event end,
      }, sayer('{"a":1}', "}", "[2]"))
      assert(ws:closed(60))
      assert.same({{a = 1}, {2}}, values)
      assert.equal("codec", failed.token)
      assert.equal("}", failed.raw)
    end)
  end)

  it("returns why a value has no JSON", function ()
    run(function ()
      local ws = pair {decode = "json"}
      local ok, token, why = ws:send {print}
      assert.is_nil(ok)
      assert.equal("codec", token)
      assert.matches("function", why)
      assert(ws:send {1})
      assert.same({1}, ws:receive(60))
    end)
  end)

  it("has the null of lua-cjson", function ()
    assert.equal(require "cjson".null, wsmanager.null)
  end)

  it("is an instance of its own", function ()
    local cjson = require "cjson"
    codec.json()
    assert.is_true(cjson.decode_invalid_numbers())
    assert.equal(cjson.null, wsmanager.null)
  end)

  it("works in servers too, and in broadcasts", function ()
    local server, url = ours.serve {
      decode = "json",
      handler = function (ws)
        ws:send {question = ws:receive()}
        ws:receive()
      end,
    }
    run(function ()
      local ws = wsmanager.new {url = url, decode = "json"}
      ws:send {"why"}
      assert.same({question = {"why"}}, ws:receive(60))
      assert.same({1, 0}, {server:broadcast {all = true}})
      assert.same({all = true}, ws:receive(60))
      ws:close()
    end)
  end)
end

if json.is_there "decode = 'json'" then
  describe("decode = 'json'", describe_json)
end

describe("a codec of one's own", function ()
  it("encodes and decodes with the kind of the message", function ()
    run(function ()
      local ws = pair {decode = {
        encode = function (value, kind) return kind .. ":" .. value.text end,
        decode = function (data, kind) return {text = data, kind = kind} end,
      }}
      ws:send({text = "x"}, "binary")
      assert.same({text = "binary:x", kind = "binary"}, ws:receive(60))
    end)
  end)

  it("may raise, or return nil and why", function ()
    run(function ()
      local ws = pair {decode = {
        encode = function (value)
          if value == 1 then return nil, "not one" end
          if value == 2 then return 2 end
          error("not " .. value)
        end,
        decode = function (data)
          if data == "a" then return nil, "not a" end
          error({})
        end,
      }}
      assert.same({nil, "codec", "not one"}, {ws:send(1)})
      assert.same({nil, "codec", "the codec encoded to a number"},
                  {ws:send(2)})
      assert.matches("not 3", (select(3, ws:send(3))))
      local odd = pair {decode = {text = true,
        encode = function () return nil end, decode = function () end}}
      assert.same({nil, "codec", "the codec answered nil"}, {odd:send(1)})
      ws:send("a")
      assert.same({nil, "codec", "not a", "a"}, {ws:receive(60)})
      ws:send("b")
      local _, token, why, raw = ws:receive(60)
      assert.same({"codec", "b"}, {token, raw})
      assert.is_string(why)
    end)
  end)
end)

-- A program without lua-cjson: what comes back, once for a value and once for no JSON.
local WITHOUT_CJSON = [[
package.loaded.cjson = nil
package.preload.cjson = function () error("hidden") end
local wsmanager = require "wsmanager"
local server = assert(wsmanager.serve {host = "127.0.0.1", handler = function (ws)
  local text = ws:receive()
  print(text)
  ws:send(text)
  ws:send("[1,")
end})
wsmanager.run(function ()
  local ws = wsmanager.new {url = "ws://127.0.0.1:" .. server.port, decode = "json"}
  local null = wsmanager.null
  ws:send {1, 2.5, null, "\195\164", wsmanager.array {}, {c = true}}
  local value = ws:receive(60)
  print(value[2] .. " " .. value[4] .. (value[3] == null and " null " or " ")
    .. tostring(value[6].c))
  local nothing, token, why, raw = ws:receive(60)
  print(table.concat({tostring(nothing), token, why, raw}, " "))
  ws:close()
  server:stop()
end)
assert(wsmanager.chat)
]]

describe("a program without lua-cjson", function ()
  it("has JSON all the same", function ()
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(WITHOUT_CJSON)
    file:close()
    local lua = os.getenv "LUA" or arg[-1] or "lua"
    local pipe = assert(io.popen(lua .. " " .. path .. " 2>&1"))
    local text = pipe:read "*a"
    pipe:close()
    os.remove(path)
    assert.equal('[1,2.5,null,"\195\164",[],{"c":true}]\n'
      .. "2.5 \195\164 null true\nnil codec "
      .. "it is no JSON, as decode = \"json\" wants: wrong syntax [1,\n", text)
  end)
end)
