local json = require "support.json"
if not json.is_there "JSON" then return end

local codec = require "wsmanager.base.codec"
local ours = require "support.ours"
local wsmanager = require "wsmanager"

local floor, huge = math.floor, math.huge
local largest, smallest = rawget(math, "maxinteger"), rawget(math, "mininteger")
local has_integers = math.type ~= nil
local null = wsmanager.null

local function encode (value)
  return codec.encode(codec.json(), value, "text")
end

local function decode (text)
  return (codec.decode(codec.json(), text, "text"))
end

-- Why a value is not encoded.
local function refusal (value)
  local text, token, why = encode(value)
  assert.is_nil(text)
  assert.equal("codec", token)
  return why
end

-- The value that comes back, and of which kind of number it is.
local function assert_back (value)
  local back = decode(encode {value})[1]
  assert.equal(value, back)
  if has_integers and type(value) == "number" then
    local whole = floor(value) == value and value >= -2^53 and value <= 2^53
    assert.equal(whole and "integer" or math.type(value), math.type(back))
  end
end

describe("JSON's integers", function ()
  it("are exact up to 2^53", function ()
    for _, n in ipairs {0, 1, -1, 42, 99999999999999, 100000000000000, 1616492376594123,
                        -1616492376594123, 2^53, -2^53, 2^53 - 1, 999999999999999} do
      assert.equal(("[%d]"):format(n), encode {n})
      assert_back(n)
      assert_back(floor(n))
    end
    assert.equal("1616492376594123", encode(1616492376594123))
    assert.equal(1616492376594123, decode "1616492376594123")
    assert.equal('{"id":{"nonce":1616492376594123}}', encode {id = {nonce = 1616492376594123}})
  end)

  it("are exact up to 64 bits where Lua has them", function ()
    if not has_integers then return end
    for _, n in ipairs {largest, smallest, largest - 1,
                        1234567890123456789, -1234567890123456789} do
      assert.equal(("[%d]"):format(n), encode {n})
      assert_back(n)
      assert.equal("integer", math.type(decode(tostring(n))))
    end
  end)

  it("are integers where Lua has them, floats are floats", function ()
    local value = decode '{"id":5,"list":[0,-7,{"n":12}],"half":0.5,"one":1.0,"k":1e3}'
    assert.equal("SUB 5", "SUB " .. value.id)
    assert.equal("0,-7,12", table.concat({value.list[1], value.list[2], value.list[3].n}, ","))
    assert.equal(0.5, value.half)
    assert.equal(1000, value.k)
    if has_integers then
      assert.equal("float", math.type(value.one))
      assert.equal("float", math.type(value.k))
    end
  end)

  it("beyond 64 bits are the nearest float", function ()
    for _, text in ipairs {"9223372036854775808", "-9223372036854775809",
                           "18446744073709551615", "123456789012345678901234567890"} do
      local found = decode("[" .. text .. "]")[1]
      assert.equal(tonumber(text .. ".0"), found)
      if has_integers then assert.equal("float", math.type(found)) end
    end
  end)

  it("in strings are text", function ()
    local text = '{"a":"1616492376594123 \\"12345678901234567890","b\\\\":"9"}'
    assert.same({a = '1616492376594123 "12345678901234567890', ["b\\"] = "9"}, decode(text))
  end)
end)

describe("JSON's floats", function ()
  it("read back as the same", function ()
    for _, n in ipairs {0.1, 0.2 + 0.1, 1 / 3, math.pi, -math.pi, 1616492376.594123, 1e15, 1e14,
                        1e100, 1.7976931348623157e308, 5e-324, 2.2250738585072014e-308, 1e-7,
                        2^53 + 2, 2^60, -2^70, 123456.789, 1e22, 1e23, 0.5, 99.99} do
      local back = decode(encode {n})[1]
      assert.equal(n, back)
    end
    local seed = 7
    for _ = 1, 2000 do
      seed = seed * 16807 % 2147483647
      local n = (seed - 2^30) * 10 ^ (seed % 30 - 15) / 7
      assert.equal(n, decode(encode {n})[1])
    end
  end)

  it("have no more digits than they need", function ()
    assert.equal("[0.1,0.30000000000000004,2,1e+100,-0.25]",
                 encode {0.1, 0.1 + 0.2, 2.0, 1e100, -0.25})
  end)

  it("keep big and small exponents", function ()
    assert.equal(1e300, decode "1e300")
    assert.equal(1e300, decode "[10e+299,1]"[1])
    assert.equal(0, decode "[1e-400,1]"[1])
    assert.equal(huge, decode "[1e400,1]"[1])
    local long = ("1"):rep(400)
    assert.equal(huge, decode("[" .. long .. ",1]")[1])
    assert.equal(1 / 9, decode("[0." .. long .. ",1]")[1])
    assert.equal(1.5, decode("[15" .. ("0"):rep(300) .. "e-301,1]")[1])
  end)

  it("do not depend on the locale", function ()
    local place = os.tmpname()
    os.remove(place)
    os.execute("mkdir " .. place .. " && localedef -i de_DE -f UTF-8 " .. place
               .. "/de_DE.UTF-8 >" .. place .. "/log 2>&1")
    local pipe = assert(io.popen("LOCPATH=" .. place .. " "
                                 .. (os.getenv "LUA" or arg[-1] or "lua") .. [[ -e '
      local codec = require "wsmanager.base.codec"
      print(os.setlocale("de_DE.UTF-8", "numeric"))
      print(codec.encode(codec.json(), {0.1 + 0.2, 0.5}, "text"))
      local back = codec.decode(codec.json(), "[0.30000000000000004,1.5,12345678901e-2]", "text")
      print(back[1] == 0.1 + 0.2, back[2] == 1.5, back[3] == 12345678901 / 100)' 2>&1]]))
    local locale, text, back = pipe:read "*l", pipe:read "*l", pipe:read "*l"
    pipe:close()
    os.execute("rm -r " .. place)
    assert.equal("[0.30000000000000004,0.5]", text)
    assert.equal("true\ttrue\ttrue", back)
    if locale == "nil" then pending "no locale with a decimal comma can be made" end
  end)
end)

describe("what JSON cannot hold", function ()
  it("is NaN and infinity, wherever they are", function ()
    assert.matches("^message is NaN", refusal(0 / 0))
    assert.matches("^message%.rates%[2%] is infinite", refusal {rates = {1, huge}})
    assert.matches('^message%["a b"%]%.c is infinite', refusal {["a b"] = {c = -huge}})
  end)

  it("is a sparse array", function ()
    assert.matches("^message is a sparse array %(2 elements, the last at 3%)", refusal {1, nil, 3})
    assert.matches("^message%.list is a sparse array", refusal {list = {[5] = "x"}})
    assert.matches("^message%[1%] is a sparse array", refusal {{[1] = 1, [100] = 2}})
    assert.matches("sparse", refusal {[2^40] = 1})
    assert.matches("sparse", refusal(wsmanager.array {[2] = 1}))
    assert.equal("[1,null,3]", encode {1, null, 3})
  end)

  it("is a mixed table", function ()
    assert.matches("^message is a mixed table", refusal {1, x = 2})
    assert.matches("^message%.a%[2%] is a mixed table", refusal {a = {0, {"b", c = "d"}}})
    assert.matches("^message is an array", refusal(wsmanager.array {x = 1}))
  end)

  it("is a key that is neither a name nor an index", function ()
    for _, key in ipairs {0, -1, 1.5, true, huge, {}} do
      assert.matches("^message%.t has a key", refusal {t = {[key] = 1}})
    end
  end)

  it("is a function, a userdata, a thread", function ()
    assert.matches("^message%.f is a function", refusal {f = print})
    assert.matches("^message%[1%] is a thread", refusal {coroutine.create(function () end)})
    assert.matches("^message%.io is a userdata", refusal {io = io.stdout})
  end)

  it("is text that is not UTF-8", function ()
    assert.matches("^message%.text is not UTF%-8", refusal {text = "\255"})
    assert.matches("^message%.a%[2%] is not UTF%-8", refusal {a = {"fine", "\237\160\128"}})
    assert.matches("^message%.o has a key that is not UTF%-8", refusal {o = {["\192"] = 1}})
    assert.matches('^message%.o%["%?b"%] is NaN', refusal {o = {["\1b"] = 0 / 0}})
  end)

  it("is what contains itself, or is nested too deeply", function ()
    local circle = {}
    circle.again = circle
    local why = refusal(circle)
    assert.matches("^message%.again%.again.*%.%.%. is nested too deeply, or contains itself", why)
    assert.is_true(#why < 300)
    local function nest (depth, last)
      local value = last
      for _ = 1, depth do value = {value} end
      return value
    end
    assert.equal(("["):rep(1000) .. "1" .. ("]"):rep(1000), encode(nest(1000, 1)))
    assert.equal(("["):rep(1000) .. "1616492376594123" .. ("]"):rep(1000),
                 encode(nest(1000, 1616492376594123)))
    assert.matches("nested too deeply", refusal(nest(1001, 1)))
  end)

  it("is shown with a short path", function ()
    local why = refusal {[("k"):rep(10000)] = 0 / 0}
    assert.is_true(#why < 120)
  end)
end)

describe("JSON's arrays and objects", function ()
  it("are empty objects unless they are marked", function ()
    assert.equal("{}", encode {})
    assert.equal("[]", encode(wsmanager.array {}))
    assert.equal("[]", encode(wsmanager.array()))
    assert.equal('{"list":[]}', encode {list = wsmanager.array {}})
    assert.equal("[[],{}]", encode {wsmanager.array {}, {}})
  end)

  it("may be filled after they are marked", function ()
    local list = wsmanager.array {}
    assert.equal(list, wsmanager.array(list))
    list[1] = "a"
    list[2] = 1616492376594123
    assert.equal('["a",1616492376594123]', encode(list))
  end)

  it("are marked by a field of their metatable, too", function ()
    assert.equal("[]", encode(setmetatable({}, {__jsontype = "array"})))
    assert.equal("{}", encode(setmetatable({}, {__jsontype = "object"})))
    assert.equal("{}", encode(setmetatable({}, {__index = {a = 1}})))
  end)

  it("are not made of anything else", function ()
    for _, bad in ipairs {1, "x", true, setmetatable({}, {})} do
      local ok, why = pcall(function () return (wsmanager.array(bad)) end)
      assert.is_false(ok)
      assert.matches("json_spec.lua:%d+: bad argument #1 to 'array'", why)
    end
  end)

  it("keep the last of two names", function ()
    assert.same({a = 2, b = 3}, decode '{"a":1,"a":2,"b":3}')
    assert.same({a = "y"}, decode '{"a":"x","a":"y"}')
  end)

  it("have null in them", function ()
    local value = decode '{"a":null,"b":[null,1]}'
    assert.equal(null, value.a)
    assert.equal(null, value.b[1])
    assert.equal("cjson" and require "cjson".null, value.a)
    assert.equal("null", encode(nil))
    assert.equal("null", encode(null))
    assert.equal('[null,1616492376594123]', encode {null, 1616492376594123})
  end)
end)

describe("JSON's strings", function ()
  local every = {}
  for c = 0, 127 do every[#every + 1] = string.char(c) end
  every = table.concat(every) .. "\194\169\226\130\172\240\159\152\128"

  it("are escaped in one way, whatever is beside them", function ()
    assert.equal(encode {every}:gsub("%]$", ",1616492376594123]"),
                 encode {every, 1616492376594123})
    assert.equal(every, decode(encode {every, 1616492376594123})[1])
    local long = every:rep(2000)
    assert.equal(long, decode(encode {1616492376594123, long})[2])
  end)

  it("are read with all their escapes", function ()
    local text = [["\"\\\/\b\f\n\r\t\u0041\u00e9\u20AC\ud83d\ude00\u0000"]]
    local expected = '"\\/\b\f\n\r\tA\195\169\226\130\172\240\159\152\128\0'
    assert.equal(expected, decode(text))
    assert.equal(expected, decode("[" .. text .. ",1]")[1])
    assert.same({[expected] = 1}, decode("{" .. text .. ":1}"))
  end)
end)

-- Texts that are no JSON; each is tried as it is and with an integer before it.
local broken = {
  "", "{", "[", "[1", "[1,", "[1,]", "{,}", '{"a"}', '{"a":}', '{"a":1,}', "{1:2}", "]", "[}",
  '"', '"a', [["\x"]], [["\u12"]], [["\u12G4"]], [["\ud800"]], [["\ud800\u0041"]], [["\udc00"]],
  [["\ud83d\ude"]], '"\\', "01", "-", "-a", "+1", ".5", "1 2", "0x10", "nan", "NaN", "inf", "-inf",
  "Infinity", "-Infinity", "tru", "nul", "truee", "1e", "1ee5", "-.", "1.2.3", "'a'", "// 1",
  "[1]]",
  "1616492376594123x", '{"a":1616492376594123', "\0", '"\0"',
}

describe("a text that is no JSON", function ()
  it("is refused with a reason", function ()
    for _, text in ipairs(broken) do
      local behind = '{"n":12345678901234567890,"x":' .. text
      for _, each in ipairs {text, "[7," .. text .. "]", behind} do
        local value, token, why, raw = codec.decode(codec.json(), each, "text")
        assert.is_nil(value, each)
        assert.equal("codec", token)
        assert.is_string(why)
        assert.equal(each, raw)
      end
    end
  end)

  it("is one that is cut", function ()
    local whole = '{"a":[1,-2.5e3,"x\\u00e9\\n",true,false,null,{"b":1616492376594123}],"c":""}'
    assert.is_table(decode(whole))
    for n = 0, #whole - 1 do assert.is_nil(decode(whole:sub(1, n))) end
  end)

  it("is nested too deeply", function ()
    local function nested (n) return ("["):rep(n) .. "1" .. ("]"):rep(n) end
    assert.is_table(decode(nested(1000)))
    assert.is_nil(decode(nested(1001)))
    assert.is_nil(decode(("["):rep(100000)))
    assert.is_nil(decode(('{"a":'):rep(100000)))
  end)

  it("leaves as much of the others as lua-cjson does", function ()
    for _, text in ipairs {
      " [1 , 2 ] ", "\t{\r\n\"a\" : 1}\n", "[1.]", "[-.5,1]", "[-0,1]", "1E5",
      "[0.0e-0,2]", '["\n",1]', '{"":1}', "[[],{},1]", "[1]\0", "[1] \0x",
    } do
      assert.is_not_nil(decode(text), text)
      local cjson = require "cjson"
      assert.same(cjson.decode(text), decode(text))
    end
  end)
end)

-- The codec beside a lua-cjson that is made up: `changes` go over what is installed.
local function beside (changes)
  local real, ours_codec = package.loaded.cjson, package.loaded["wsmanager.base.codec"]
  local fake, instance = {}, {}
  for name, value in pairs(real) do fake[name] = value end
  for name, value in pairs(real.new()) do instance[name] = value end
  for name, value in pairs(changes) do fake[name], instance[name] = value, value end
  fake.new = function () return instance end
  package.loaded.cjson, package.loaded["wsmanager.base.codec"] = fake, nil
  local other = require "wsmanager.base.codec"
  local made = other.json()
  package.loaded.cjson, package.loaded["wsmanager.base.codec"] = real, ours_codec
  return made
end

describe("the lua-cjson that is installed", function ()
  local real = require "cjson".new()

  it("is not trusted with integers that it replaces by others", function ()
    local calls = 0
    local made = beside {decode = function (text)
      calls = calls + 1
      if text:find "%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d%d" then
        return {largest or 2^63}
      end
      local value = real.decode(text)
      for i, n in ipairs(type(value) == "table" and value or {}) do
        if has_integers and floor(n) == n then value[i] = math.tointeger(n) end
      end
      if text:find "123456789012345678%f[%D]" then value[1] = 123456789012345678 end
      return value
    end}
    calls = 0
    assert.same({1, 2}, made.decode "[1,2]")
    assert.equal(1, calls)
    assert.same({12345678901234567890.0}, made.decode "[12345678901234567890]")
    assert.equal(1, calls)
  end)

  it("is asked for the common case", function ()
    local encoded, decoded = 0, 0
    local made = beside {
      encode = function (value) encoded = encoded + 1 return real.encode(value) end,
      decode = function (text) decoded = decoded + 1 return real.decode(text) end,
    }
    decoded = 0
    assert.equal('{"a":[1,"x",0.25]}', made.encode {a = {1, "x", 0.25}})
    assert.equal(1, encoded)
    made.encode {1616492376594123}
    assert.equal(1, encoded)
    assert.same({a = {"x", 0.25}}, made.decode '{"a":["x",0.25]}')
    assert.equal(1, decoded)
  end)

  it("may have empty arrays of its own", function ()
    local array_mt, empty_array_mt = {}, {}
    local made = beside {array_mt = array_mt, empty_array_mt = empty_array_mt}
    assert.equal("[]", made.encode(setmetatable({}, array_mt)))
    assert.equal("[]", made.encode(setmetatable({}, empty_array_mt)))
    assert.equal('{"a":1}', made.encode(setmetatable({a = 1}, empty_array_mt)))
    assert.equal("[[2]]", made.encode {setmetatable({2}, empty_array_mt)})
    local cjson = require "cjson"
    if cjson.empty_array then assert.equal("[[]]", encode {cjson.empty_array}) end
  end)
end)

-- Garbage that calls f whenever it is collected, and is there again, until the
-- function that is returned is called.
local function undead (f)
  local new_proxy = rawget(_G, "newproxy")   -- Lua 5.1: no table has a finalizer
  local alive = true
  local function bear ()
    local function finalizer ()
      if not alive then return end
      f()
      bear()
    end
    if new_proxy then getmetatable(new_proxy(true)).__gc = finalizer
    else setmetatable({}, {__gc = finalizer}) end
  end
  bear()
  return function () alive = false end
end

describe("encoding", function ()
  it("outlives a finalizer that encodes and decodes", function ()
    local expected = encode {1616492376594123, ("x"):rep(3000)}
    local runs = 0
    local bury = undead(function ()
      runs = runs + 1
      encode {1616492376594123, ("y"):rep(3000)}
      decode('["\\n' .. ("z"):rep(1000) .. '",1]')
    end)
    for _ = 1, 2000 do
      local text = encode {1616492376594123, ("x"):rep(3000)}
      assert.equal(expected, text)
      assert.equal(("x"):rep(3000), decode(text)[2])
    end
    bury()
    assert.is_true(runs > 1)
  end)
end)

describe("sending JSON", function ()
  after_each(ours.stop)

  it("answers nil, codec and why, and nothing is sent", function ()
    wsmanager.run(function ()
      local _, url = ours.serve(ours.echo)
      local ws = wsmanager.new {url = url, decode = "json", reconnect = false}
      for _, kind in ipairs {"text", "binary"} do
        local ok, token, why = ws:send({text = "\255"}, kind)
        assert.same({nil, "codec"}, {ok, token})
        assert.matches("^message%.text is not UTF%-8", why)
      end
      assert.same({nil, "codec"}, {ws:send {1, x = 2}, (select(2, ws:send {1, x = 2}))})
      assert(ws:send {nonce = 1616492376594123, list = wsmanager.array {}})
      local back = assert(ws:receive(60))
      assert.equal("1616492376594123", ("%d"):format(back.nonce))
      ws:close()
    end)
  end)

  it("answers so in a broadcast, too", function ()
    local server = ours.serve {decode = "json", handler = function (ws) ws:receive() end}
    local sent, token, why = server:broadcast {rate = 0 / 0}
    assert.same({nil, "codec"}, {sent, token})
    assert.matches("^message%.rate is NaN", why)
    assert.same({0, 0}, {server:broadcast {rate = 1}})
  end)
end)
