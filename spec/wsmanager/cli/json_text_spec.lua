-- JSON indented as text.

local json_text = require "wsmanager.cli.json_text"

describe("JSON that is shown", function()
  local long = '"' .. ("x"):rep(70) .. '"'

  it("is on one line where it fits", function()
    assert.equal('{"a": 1, "b": [true, null]}', json_text.indent '{"a":1,"b":[true,null]}')
    assert.equal("[]", json_text.indent " [ ] ")
    assert.equal("{}", json_text.indent "{}")
  end)

  it("is indented where it does not", function()
    assert.equal('{\n  "a": ' .. long .. ',\n  "b": [1, {"c": 2}]\n}',
      json_text.indent('{"a":' .. long .. ',"b":[1,{"c":2}]}'))
  end)

  it("keeps numbers, escapes and the order of names", function()
    for _, text in ipairs { "[1.50]", "[12345678901234567890]", "[-0.0e+1]", [==[["\u00e9\"\\"]]==],
      '{"b": 1, "a": 2, "a": 3}' } do
      assert.equal(text, json_text.indent(text))
    end
  end)

  it("is left alone where it is none", function()
    for _, text in ipairs { "", "hello", "1", '"a"', "{", "[1", "[1,]", "{1:2}", '{"a"}', "[1] 2",
      "[tru]", "[0x10]", "[nan]", "[inf]", '["a\nb"]', "[1 2]", "{\"a\":1,}", "[01x]" } do
      assert.is_nil(json_text.indent(text), text)
    end
    assert.is_nil(json_text.indent(("["):rep(100000)))
  end)

  it("has a colour for each kind", function()
    local function paint(kind, text) return "<" .. kind .. " " .. text .. ">" end
    assert.equal('{<name "a">: <number 1>, <name "b">: [<string "s">, <word true>]}',
      json_text.indent('{"a":1,"b":["s",true]}', paint))
  end)
end)
