local json = require "support.json"
if not json.is_there "a chat's messages" then return end

local chat = require "wsmanager.chat"

local action = chat.chatAction

local function message (fields)
  local all = {
    id = "1", content = "hello", senderId = "42", sendTime = 1680844588000,
  }
  for name, value in pairs(fields or {}) do all[name] = value end
  return all
end

describe("a message", function ()
  it("is the same table when its shape is right", function ()
    local value = message { anything = { 1, 2 } }
    assert.equal(value, chat.Message(value))
  end)

  for _, name in ipairs { "id", "content", "senderId", "sendTime" } do
    it("is refused without " .. name, function ()
      local value = message()
      value[name] = nil
      assert.has_error(function () chat.Message(value) end)
    end)

    it("is refused with a " .. name .. " of another type", function ()
      assert.has_error(function () chat.Message(message { [name] = {} }) end)
    end)
  end

  it("is refused with a sentence that says what is wrong", function ()
    local _, why = pcall(chat.Message, message { sendTime = "now" })
    assert.truthy(why:find("field 'sendTime' of a message (number expected, "
      .. "got string)", 1, true))
  end)
end)

describe("a frame that is refused", function ()
  for data, why in pairs {
    ['{"action":12}'] = "field 'action' of a frame (1 to 11 expected, got 12)",
    ['{"action":"2"}'] = "field 'action' of a frame (1 to 11 expected, got string)",
    ['{"action":1}'] = "field 'id' of a receipt (string expected, got no value)",
    ['{"action":3,"id":7}'] = "field 'id' of a receipt (string expected, got number)",
    ['{"action":1,"id":"a","senderId":{}}'] =
      "field 'senderId' of a receipt (string expected, got table)",
    ['{"action":2,"id":"1","senderId":"2","sendTime":3,"content":[]}'] =
      "field 'content' of a message (string expected, got table)",
    ['[1]'] = "field 'action' of a frame (1 to 11 expected, got nil)",
    ['7'] = "not a JSON object",
  } do
    it("names its field: " .. data, function ()
      assert.same({ nil, why }, { chat.decode(data, "text") })
    end)
  end
end)

describe("a list of messages", function ()
  it("may have any other field", function ()
    local value = { message(), message { id = "2" }, unread = 2 }
    assert.equal(value, chat.Messages(value))
  end)

  it("gives the index of the one that is wrong", function ()
    local _, why = pcall(chat.Messages, { message(), { id = "2" } })
    assert.truthy(why:find("at 2: field 'content'", 1, true))
  end)
end)

describe("the frames of a chat", function ()
  it("are JSON text for a text message", function ()
    local data, kind = chat.encode(message { action = action.send })
    assert.equal("text", kind)
    assert.same(message { action = 2 }, chat.decode(data, kind))
  end)

  it("are a line of JSON and the bytes for a picture", function ()
    local bytes = "\137PNG\r\n\26\n\0\255\n\n"
    local frame = message { action = action.send, bytes = bytes }
    local data, kind = chat.encode(frame)
    assert.equal("binary", kind)
    assert.equal(bytes, data:sub(-#bytes))
    assert.same(frame, chat.decode(data, kind))
  end)

  it("have no bytes in a text message", function ()
    local data = chat.encode(message { action = 2 })
    data = data:gsub("}$", ',"bytes":"x"}')
    assert.is_nil(chat.decode(data, "text").bytes)
  end)

  local refused = {
    ["nothing"] = "", ["not JSON"] = "{", ["JSON null"] = "null",
    ["a number"] = "4", ["no action"] = "{}", ["an unknown action"] =
      '{"action":12}', ["a receipt without an id"] = '{"action":1}',
    ["a read without an id"] = '{"action":3,"id":7}',
    ["a message without content"] =
      '{"action":2,"id":"1","senderId":"2","sendTime":3}',
  }
  for name, data in pairs(refused) do
    it("refuses " .. name, function ()
      for _, kind in ipairs { "text", "binary" } do
        local frame, why = chat.decode(data, kind)
        assert.is_nil(frame)
        assert.is_string(why)
      end
    end)
  end
end)
