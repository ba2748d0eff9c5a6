local new_ledger = require("wsmanager.chat.ledger").new

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
    ledger, sent = new_ledger { messages = 3, bytes = 12 }, {}
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

  it("does not send again what was confirmed", function ()
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

  it("is full at its number of brief entries, until they are sent", function ()
    for _, key in ipairs { "a", "b", "c" } do
      assert.is_true(add(key, true))
    end
    assert.is_true(ledger:is_choked())
    assert.equal("full", select(2, add("d", true)))
    assert.is_true(add "e")
    ledger:flush(send)
    assert.same({ 0, 0, 1 }, { ledger.briefs, ledger.brief_bytes, ledger.count })
    assert.is_true(add("f", true))
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
