-- What every history of chat.serve must do: its specs run this.

local busted = require "busted"

local it, assert = busted.it, require "luassert"
local before_each, after_each = busted.before_each, busted.after_each

local histories = {}

-- The history of a test.
local history

local function add (room, sender, id, text, kind)
  return history:append(room, sender, id, function (seq)
    return text or "<" .. id .. " " .. seq .. ">", kind or "text"
  end)
end

local function ids (list)
  local all = {}
  for at, entry in ipairs(list) do all[at] = entry.id end
  return table.concat(all, " ")
end

local function keeps_messages ()
  it("numbers the messages of each room from 1", function ()
    assert.same({ 1, 0 }, { history:range "a" })
    assert.equal(1, add("a", "7", "x").seq)
    assert.equal(2, add("a", "42", "y").seq)
    assert.equal(1, add("b", "7", "x").seq)
    assert.same({ 1, 2 }, { history:range "a" })
  end)

  it("keeps a message once, however often it comes", function ()
    assert.same({ 1, true }, { add("a", "7", "x").seq, select(2, add("a", "7", "y")) })
    local entry, is_new = add("a", "7", "x", "another text")
    assert.same({ 1, "<x 1>", false }, { entry.seq, entry.data, is_new })
    assert.equal(3, add("a", "42", "x").seq)
  end)

  it("gives back the bytes that it was given", function ()
    local bytes = {}
    for byte = 0, 255 do bytes[#bytes + 1] = string.char(byte) end
    for id, text in pairs {
      all = table.concat(bytes), quotes = "it's '' \\' \"", none = "",
      nul = "a\0b", utf8 = "\195\164\240\159\166\134", question = "? # ?",
      injected = "'); DROP TABLE chat_message; --",
    } do
      add("a'?" .. id, "7'", id, text, id == "all" and "binary" or "text")
      local entry = history:after("a'?" .. id, 0, 10)[1]
      assert.same({ text, "7'", id, id == "all" and "binary" or "text" },
        { entry.data, entry.sender, entry.id, entry.kind })
    end
  end)
end

local function gives_messages ()
  it("gives what is behind a number, and what is before one", function ()
    for _, id in ipairs { "1", "2", "3", "4", "5" } do
      add("a", id == "3" and "42" or "7", id)
    end
    assert.equal("3 4 5", ids(history:after("a", 2, 10)))
    assert.equal("3 4", ids(history:after("a", 2, 2)))
    assert.equal("4 5", ids(history:after("a", 2, 10, "42")))
    assert.equal("", ids(history:after("a", 5, 10)))
    assert.equal("2 3", ids(history:before("a", 4, 2)))
    assert.equal("1", ids(history:before("a", 2, 10)))
    assert.equal("4 5", ids(history:before("a", 1000, 2)))
    assert.equal("", ids(history:after("b", 0, 10)))
  end)

  it("gives no more than a batch of bytes, and one message at least", function ()
    local large = ("x"):rep(900000)
    for _, id in ipairs { "1", "2", "3", "4" } do add("a", "7", id, large) end
    assert.equal("1 2", ids(history:after("a", 0, 10)))
    assert.equal("3 4", ids(history:before("a", 5, 10)))
  end)
end

local function forgets_messages (open)
  it("forgets the oldest beyond its number of messages", function ()
    for at = 1, 7 do add("a", "7", tostring(at)) end
    assert.same({ 3, 7 }, { history:range "a" })
    assert.equal("3 4 5 6 7", ids(history:after("a", 0, 10)))
    assert.is_nil(history:where("a", "7", "2"))
    assert.equal(3, history:where("a", "7", "3"))
  end)

  it("forgets the oldest beyond its bytes, but not the last one", function ()
    local small = open { bytes = 10 }
    for at = 1, 3 do
      small:append("a", "7", tostring(at), function () return "12345", "text" end)
    end
    assert.same({ 2, 3 }, { small:range "a" })
    small:append("a", "7", "4", function () return ("x"):rep(100), "text" end)
    assert.same({ 4, 4 }, { small:range "a" })
    small:close()
  end)
end

local function keeps_marks ()
  it("has marks that never go back", function ()
    assert.is_true(history:mark("a", "7", "received", 3))
    assert.is_false(history:mark("a", "7", "received", 3))
    assert.is_false(history:mark("a", "7", "received", 2))
    assert.is_true(history:mark("a", "7", "read", 1))
    assert.is_true(history:mark("a", "42", "read", 2))
    assert.same({
      ["7"] = { received = 3, read = 1 }, ["42"] = { received = 0, read = 2 },
    }, history:marks "a")
    assert.same({}, history:marks "b")
  end)

  it("counts what somebody has received and not read", function ()
    for at = 1, 5 do add("a", at == 4 and "7" or "42", tostring(at)) end
    assert.equal(0, history:unread("a", "7"))
    history:mark("a", "7", "received", 5)
    assert.equal(4, history:unread("a", "7"))
    history:mark("a", "7", "read", 2)
    assert.equal(2, history:unread("a", "7"))
  end)
end

-- `open(options)` returns an empty history.
function histories.keeps_the_contract (open)
  before_each(function () history = open { messages = 5 } end)
  after_each(function () history:close() end)
  keeps_messages()
  gives_messages()
  forgets_messages(open)
  keeps_marks()
end

return histories
