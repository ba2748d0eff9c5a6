local chat = require "wsmanager.chat"
local seen = require "wsmanager.chat.dedupe"

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

  it("says what is wrong with it", function ()
    local _, why = pcall(chat.Message, message { sendTime = "now" })
    assert.truthy(why:find("field 'sendTime' of a message (number expected, "
      .. "got string)", 1, true))
  end)
end)

describe("a list of messages", function ()
  it("may have any other field", function ()
    local value = { message(), message { id = "2" }, unread = 2 }
    assert.equal(value, chat.Messages(value))
  end)

  it("names the place of the one that is wrong", function ()
    local _, why = pcall(chat.Messages, { message(), { id = "2" } })
    assert.truthy(why:find("at 2: field 'content'", 1, true))
  end)
end)

describe("the wire of a chat", function ()
  it("carries a text message as JSON text", function ()
    local data, kind = chat.encode(message { action = action.send })
    assert.equal("text", kind)
    assert.same(message { action = 2 }, chat.decode(data, kind))
  end)

  it("carries a picture as a line of JSON and its bytes", function ()
    local bytes = "\137PNG\r\n\26\n\0\255\n\n"
    local frame = message { action = action.send, bytes = bytes }
    local data, kind = chat.encode(frame)
    assert.equal("binary", kind)
    assert.equal(bytes, data:sub(-#bytes))
    assert.same(frame, chat.decode(data, kind))
  end)

  it("takes no bytes from a text message", function ()
    local data = chat.encode(message { action = 2 })
    data = data:gsub("}$", ',"bytes":"x"}')
    assert.is_nil(chat.decode(data, "text").bytes)
  end)

  local refused = {
    ["nothing"] = "", ["not JSON"] = "{", ["JSON null"] = "null",
    ["a number"] = "4", ["no action"] = "{}", ["an unknown action"] =
      '{"action":5}', ["a receipt without an id"] = '{"action":1}',
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

describe("a ledger", function ()
  local ledger, sent

  local function add (key, brief)
    return ledger:add {
      key = key, data = "<" .. key .. ">", kind = "text", brief = brief,
    }
  end

  local function send (data)
    table.insert(sent, data)
    return true
  end

  before_each(function ()
    ledger, sent = chat.ledger { messages = 3, bytes = 12 }, {}
  end)

  it("sends each entry once", function ()
    add "a"
    add "b"
    assert.is_true(ledger:flush(send))
    assert.is_true(ledger:flush(send))
    assert.same({ "<a>", "<b>" }, sent)
  end)

  it("sends all again, in order, after it was rewound", function ()
    add "a"
    add "b"
    ledger:flush(send)
    add "c"
    ledger:rewind()
    ledger:flush(send)
    assert.same({ "<a>", "<b>", "<a>", "<b>", "<c>" }, sent)
  end)

  it("sends no more what was confirmed", function ()
    add "a"
    add "b"
    add "c"
    ledger:flush(send)
    assert.is_true(ledger:confirm "b")
    assert.is_false(ledger:confirm "b")
    ledger:rewind()
    ledger:flush(send)
    assert.same({ "<a>", "<b>", "<c>", "<a>", "<c>" }, sent)
    assert.equal(2, ledger.count)
  end)

  it("goes on where the sender refused", function ()
    add "a"
    add "b"
    local willing = 1
    local function reluctant (data)
      willing = willing - 1
      return willing >= 0 and send(data)
    end
    assert.is_false(ledger:flush(reluctant))
    assert.is_true(ledger:flush(send))
    assert.same({ "<a>", "<b>" }, sent)
  end)

  it("forgets a brief entry once it was sent", function ()
    add("a", true)
    ledger:flush(send)
    ledger:rewind()
    ledger:flush(send)
    assert.same({ "<a>" }, sent)
  end)

  it("sends what comes after a brief entry", function ()
    for _, key in ipairs { "a", "b", "c" } do
      add(key, key ~= "c")
      ledger:flush(send)
    end
    add("d", true)
    add "e"
    ledger:flush(send)
    assert.same({ "<a>", "<b>", "<c>", "<d>", "<e>" }, sent)
  end)

  it("keeps one entry for a key", function ()
    add "a"
    add "a"
    assert.equal(1, ledger.count)
  end)

  it("is full at its number of messages", function ()
    for _, key in ipairs { "a", "b", "c" } do assert.is_true(add(key)) end
    local ok, token, detail = add "d"
    assert.same({ nil, "full" }, { ok, token })
    assert.is_string(detail)
    assert.is_true(add("e", true))
    ledger:confirm "a"
    assert.is_true(add "d")
  end)

  it("is full at its number of bytes", function ()
    add "long one"
    assert.same("full", select(2, add "b"))
  end)

  it("lets entries be confirmed while it sends", function ()
    add "a"
    add "b"
    add "c"
    ledger:flush(function (data)
      if data == "<a>" then ledger:confirm "b" end
      return send(data)
    end)
    assert.same({ "<a>", "<c>" }, sent)
  end)
end)

describe("the memory of ids", function ()
  it("knows what it has met", function ()
    local ids = seen.new(2)
    assert.is_true(ids:add "a")
    assert.is_false(ids:add "a")
  end)

  it("forgets the oldest beyond its limit", function ()
    local ids = seen.new(2)
    ids:add "a"
    ids:add "b"
    ids:add "c"
    assert.is_false(ids:add "c")
    assert.is_false(ids:add "b")
    assert.is_true(ids:add "a")
  end)
end)

describe("the pictures", function ()
  for _, name in ipairs { "doctor", "chat" } do
    it("have the bytes of " .. name .. ".png", function ()
      local file = assert(io.open("examples/chat/" .. name .. ".png", "rb"))
      assert.equal(file:read "*a", chat[name .. "Img"])
      file:close()
      assert.same({ 48, 48 }, { chat.size(chat[name .. "Img"]) })
    end)
  end
end)
