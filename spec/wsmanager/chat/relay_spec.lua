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

  it("knows the author of a message that 'accept' has changed", function ()
    local errors = {}
    beside(telling(errors, {
      accept = function (frame)
        frame.action, frame.id, frame.senderId, frame.receiverId = {}, {}, "43", nil
        frame.content = frame.content:upper()
        return frame.content ~= "BAD", "mind your words"
      end,
    }), function (_, join)
      local customer, doctor = join("42", { peer = "7" }), join "7"
      local bad, good = customer:text "bad", customer:text "good"
      await(function () return doctor.heard[1] and customer.receipts[1] end)
      assert.same({ "GOOD", "42", good.id },
        { doctor.heard[1].content, doctor.heard[1].senderId, doctor.heard[1].id })
      assert.same({ bad.id, "mind your words" },
        { customer.receipts[1].id, customer.receipts[1].why })
      assert.is_true(customer:settled(60))
      assert.same({}, errors)
    end)()
  end)

  it("goes on after an error in 'onerror'", function ()
    local reported = {}
    wsmanager.onerror = function (why) reported[#reported + 1] = why end
    finally(function () wsmanager.onerror = nil end)
    beside({
      accept = fail_at_bad, onerror = function () error("no log", 0) end,
    }, function (_, join)
      local customer, doctor = join("42", { peer = "7" }), join "7"
      customer:text "bad"
      customer:text "good"
      await(function () return doctor.heard[1] and customer.receipts[1] end)
      assert.same({ "no log" }, reported)
    end)()
  end)

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

  it("reports the error and its traceback without 'onerror'", function ()
    local reported = {}
    wsmanager.onerror = function (why, text)
      assert.matches("^the filter is broken\nstack traceback:.*relay_spec%.lua", text)
      reported[#reported + 1] = why
    end
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
      local ws = chats.bare(server, "7")
      ws:send('{"action":2,"id":"1","content":"c","senderId":"7","receiverId":"42",'
        .. '"sendTime":1,"x":1e999}')
      local frame = chats.frame_of(ws, action.refused)
      assert.same({ "1", "message.x is infinite: JSON has no such number" },
        { frame.id, frame.why })
      assert.same({ "open", 0 }, { ws.state, #errors })
      ws:close()
    end)()
  end)
end)

-- A history whose `name` answers by `fail` so many times, from when `fails.left` is set.
local function failing (name, fail)
  local history, fails = chat.history.memory(), { left = 0 }
  local method = history[name]
  history[name] = function (...)
    if fails.left == 0 then return method(...) end
    fails.left = fails.left - 1
    return fail(...)
  end
  return history, fails
end

-- How a function of a history may fail, and what is told of it.
local failures = {
  ["an error"] = {
    function () error("no such table", 0) end, "^no such table\nstack traceback:",
  },
  ["nil, token and detail"] = {
    function () return nil, "full", "the disk is full" end, "^the disk is full$",
  },
  ["nonsense"] = {
    function () return "nonsense" end, "^the history's '%l+' must return ",
  },
}

-- Everybody stays connected, and everything arrives and is confirmed, though the history
-- fails so often once the first message was sent.
local function survives (name, fail, told, count)
  local history, fails = failing(name, fail)
  local texts = {}
  return beside({
    history = history, acknowledge = "received",
    onerror = function (_, _, text) texts[#texts + 1] = text end,
  }, function (server, join)
    server.pauses.shortest = 0.01
    local customer, doctor = join("42", { peer = "7" }), join("7", { peer = "42" })
    await(function () return customer:contact "pair" and doctor:contact "pair" end)
    local closes = 0
    for _, talk in ipairs { customer, doctor } do
      talk.ws:addEventListener("close", function () closes = closes + 1 end)
    end
    fails.left = count
    for at = 1, 3 do assert(customer:text(tostring(at))) end
    await(function () return #doctor.heard == 3 end)
    assert.equal("1 2 3", contents(doctor.heard))
    assert.is_true(customer:settled(60))
    await(function ()
      local marks = history:marks("pair")["7"]
      return fails.left == 0 and marks and marks.received == 3
    end)
    await(function () return next(server.pauses.pending) == nil end)
    assert.equal(count, #texts)
    for _, text in ipairs(texts) do assert.matches(told, text) end
    assert.equal(0, closes)
  end)
end

describe("a history that answers, once a message is kept,", function ()
  for what, failure in pairs(failures) do
    local fail, told = failure[1], failure[2]
    it("with " .. what .. " to 'marks', has it confirmed later",
      survives("marks", fail, told, 3))
    it("with " .. what .. " to 'range', has it confirmed later",
      survives("range", fail, told, 2))
    it("with " .. what .. " to 'mark', has its receipt noted later",
      survives("mark", fail, told, 3))
  end

  it("with an error to 'after', has it handed over later", function ()
    local history, fails = failing("after", failures["an error"][1])
    local texts = {}
    beside({
      history = history, acknowledge = "received",
      onerror = function (_, _, text) texts[#texts + 1] = text end,
    }, function (server, join)
      server.pauses.shortest = 0.01
      local customer = join("42", { peer = "7" })
      for at = 1, 300 do assert(customer:text(tostring(at))) end
      await(function () return select(2, history:range "pair") == 300 end)
      fails.left = 3
      local doctor = join "7"
      await(function () return #doctor.heard == 300 end)
      assert.equal("300", doctor.heard[300].content)
      assert.is_true(customer:settled(60))
      assert.same({ 0, 3 }, { fails.left, #texts })
    end)()
  end)

  it("with an error to everything, keeps nobody else from a server's rooms", function ()
    local history = chat.history.memory()
    local marks = history.marks
    function history.marks (self, room)
      if room == "ward" then error("no such table", 0) end
      return marks(self, room)
    end
    local errors = {}
    beside(telling(errors, {
      history = history, rooms = { pair = { "7", "42" } },
    }), function (server, join)
      local customer, doctor = join("42", { peer = "7" }), join("7", { peer = "42" })
      await(function () return customer:contact "pair" and doctor:contact "pair" end)
      local codes = {}
      for _, talk in ipairs { customer, doctor } do
        talk.ws:addEventListener("close", function (event)
          codes[#codes + 1] = event.code
          server:room "ward"
        end)
      end
      server:room("ward", { "7", "42", "43" })
      await(function () return #codes == 2 end)
      assert.same({ 1013, 1013 }, codes)
      await(function () return #errors >= 2 end)
      assert.equal("no such table", errors[1])
      customer:text "a"
      await(function () return doctor.heard[1] end)
    end)()
  end)
end)

describe("a history that fails when somebody comes", function ()
  for _, name in ipairs { "marks", "range", "unread" } do
    for what, failure in pairs(failures) do
      it("with " .. what .. " to '" .. name .. "', is asked again when he comes back",
        function ()
          local history, fails = failing(name, failure[1])
          local texts, codes = {}, {}
          fails.left = 2
          beside({
            history = history,
            onerror = function (_, _, text) texts[#texts + 1] = text end,
          }, function (_, join)
            local customer = join("42", { peer = "7" })
            customer.ws:addEventListener("close", function (event)
              codes[#codes + 1] = event.code
            end)
            await(function () return customer:contact "pair" end)
            await(function () return customer.ws.state == "open" end)
            assert.same({ { 1013, 1013 }, 2 }, { codes, #texts })
            for _, text in ipairs(texts) do assert.matches(failure[2], text) end
          end)()
        end)
    end
  end
end)

describe("a history that fails at what was read", function ()
  local function reads (name, fail, check)
    local history, fails = failing(name, fail)
    local errors = {}
    beside(telling(errors, { history = history }), function (_, join)
      local customer, doctor = join("42", { peer = "7" }), join("7", { peer = "42" })
      local said = customer:text "a"
      await(function () return doctor.heard[1] end)
      assert.is_true(customer:settled(60))
      fails.left = 1
      doctor:read(doctor.heard[1])
      await(function () return fails.left == 0 end)
      assert.is_true(doctor:settled(60))
      check(customer, doctor, said)
      assert.equal(1, #errors)
    end)()
  end

  for _, name in ipairs { "where", "mark" } do
    it("is told, and asked again, after nil, token and detail to '" .. name .. "'",
      function ()
        reads(name, failures["nil, token and detail"][1], function (customer, _, said)
          await(function ()
            local last = customer.receipts[#customer.receipts]
            return last and last.action == action.read and last.id == said.id
          end)
        end)
      end)

    it("is told to the reader after an error to '" .. name .. "'", function ()
      reads(name, failures["an error"][1], function (_, doctor, said)
        local receipt = await(function () return doctor.receipts[1] end)
        assert.same({ action.refused, said.id, "the server failed at it" },
          { receipt.action, receipt.id, receipt.why })
      end)
    end)
  end
end)
