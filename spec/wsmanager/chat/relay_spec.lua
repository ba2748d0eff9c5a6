-- Errors in the functions given to chat.serve: the author of the message gets the reason,
-- and does not send the message again.

local json = require "support.json"
if not json.is_there "a chat's server whose functions fail" then return end

local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"
local chats = require "support.chats"

local action = chat.action
local await, beside, contents = chats.await, chats.beside, chats.contents

-- Options whose `onerror` keeps what it is told, as text.
local function telling (errors, options)
  options.onerror = function (why) errors[#errors + 1] = tostring(why) end
  return options
end

-- Sends "bad" and "good" to somebody who is there; only "good" may arrive. The author
-- of "bad" gets the reason, and neither is sent again.
local function refuses (options, why, told)
  local errors = {}
  return beside(telling(errors, options), function (_, join)
    local customer, doctor = join("42", { peer = "7" }), join "7"
    local closes = 0
    customer.ws:addEventListener("close", function () closes = closes + 1 end)
    local bad = assert(customer:text "bad")
    assert(customer:text "good")
    await(function () return doctor.heard[1] and customer.receipts[2] end)
    assert.equal("good", contents(doctor.heard))
    assert.is_true(customer:settled(60))
    assert.same({ action.refused, bad.id, why }, {
      customer.receipts[1].action, customer.receipts[1].id, customer.receipts[1].why,
    })
    await(function () return #errors == (told and 1 or 0) end)
    if told then assert.matches(told, errors[1]) end
    assert.equal(0, closes)
  end)
end

local function fail_at_bad (frame)
  if frame.content == "bad" then error("the filter is broken", 0) end
  return true
end

describe("a chat's server whose function fails", function ()
  it("refuses the message that 'accept' failed at", refuses({ accept = fail_at_bad },
    "the server failed at it", "^the filter is broken$"))

  it("refuses it, too, where 'accept' has waited", refuses({
    accept = function (frame)
      wsmanager.sleep(0.001)
      return fail_at_bad(frame)
    end,
  }, "the server failed at it", "^the filter is broken$"))

  it("tells a reason that is no text as none", refuses({
    accept = function (frame) return frame.content ~= "bad", "\255" end,
  }, "it is not allowed"))

  it("refuses the message that its history failed at", function ()
    local history = chat.history.memory()
    local append = history.append
    function history.append (self, room, sender, id, encode)
      return append(self, room, sender, id, function (seq)
        local data, kind = encode(seq)
        if data:find('"bad"', 1, true) then error "cannot keep it" end
        return data, kind
      end)
    end
    refuses({ history = history, acknowledge = "stored" }, "the server failed at it",
      "cannot keep it$")()
  end)

  it("goes on after an error in 'onframe'", function ()
    local errors, shown = {}, 0
    beside(telling(errors, {
      onframe = function (_, frame)
        if frame.action == action.send then shown = shown + 1 end
        error("the log is full", 0)
      end,
    }), function (_, join)
      local customer, doctor = join("42", { peer = "7" }), join "7"
      customer:text "a"
      await(function () return doctor.heard[1] end)
      assert.is_true(customer:settled(60))
      assert.equal(1, shown)
      assert.equal("the log is full", errors[1])
    end)()
  end)

  it("answers a question about the history, too", function ()
    local history = chat.history.memory()
    function history.before () error("no such table", 0) end
    local errors = {}
    beside(telling(errors, { history = history }), function (_, join)
      local doctor = join "7"
      await(function () return doctor:contact "pair" end)
      local list, token, why = doctor:history("pair", nil, 60)
      assert.same({ nil, "closed", "the server failed at it" }, { list, token, why })
      await(function () return errors[1] end)
      assert.equal("no such table", errors[1])
    end)()
  end)

  it("reports the error without 'onerror'", function ()
    local reported = {}
    wsmanager.onerror = function (why) reported[#reported + 1] = why end
    finally(function () wsmanager.onerror = nil end)
    beside({ accept = fail_at_bad }, function (_, join)
      local customer = join("42", { peer = "7" })
      customer:text "bad"
      await(function () return customer.receipts[1] end)
      assert.same({ "the filter is broken" }, reported)
    end)()
  end)
end)

describe("a message that JSON cannot hold", function ()
  it("is refused, as its author's fault", function ()
    local errors = {}
    beside(telling(errors, {}), function (server)
      local ws = wsmanager.new {
        url = ("ws://127.0.0.1:%d/ws/7?mode=1&token=t"):format(server.port),
        reconnect = false,
      }
      local frame
      ws:send('{"action":2,"id":"1","content":"c","senderId":"7","receiverId":"42",'
        .. '"sendTime":1,"x":1e999}')
      repeat
        frame = chat.decode(assert(ws:receive(60)))
      until frame.action == action.refused
      assert.same({ "1", "message.x is infinite: JSON has no such number" },
        { frame.id, frame.why })
      assert.same({ "open", 0 }, { ws.state, #errors })
      ws:close()
    end)()
  end)
end)
