-- A chat's server that ends and comes back, on the history that it has kept or without
-- it; and one whose history fails.

local json = require "support.json"
if not json.is_there "a chat's server that comes back" then return end

local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"
local chats = require "support.chats"

local action = chat.action
local await, contents = chats.await, chats.contents

local it_needs_luasql = pcall(require, "luasql.sqlite3") and it or pending

local function serve (port, history, onerror)
  return assert(chat.serve {
    host = "127.0.0.1", port = port, history = history, linger = 0,
    onerror = onerror,
    authenticate = function () return true end,
    rooms = { pair = { "7", "42" } },
  })
end

local function reads (talk)
  local count = 0
  for _, receipt in ipairs(talk.receipts) do
    if receipt.action == action.read then count = count + 1 end
  end
  return count
end

-- Two users write on while the server ends and comes back, three times.
local function play (open, close)
  local history = open()
  local server = serve(0, history)
  local doctor = chats.join(server, "7", { peer = "42" })
  local customer = chats.join(server, "42", { peer = "7" })
  local expected = {}
  for round = 1, 3 do
    for at = 1, 20 do
      expected[#expected + 1] = round .. "." .. at
      assert(doctor:text(expected[#expected]))
      assert(customer:text(expected[#expected]))
      if at == 10 then
        await(function () return #customer.heard > 0 end)
        server.server:stop(0)
        if close then history:close() end
        history = open()
        server = serve(server.port, history)
      end
    end
  end
  await(function () return #doctor.heard >= 60 and #customer.heard >= 60 end)
  for _, message in ipairs(doctor.heard) do doctor:read(message) end
  local last_read = doctor.heard[#doctor.heard].seq
  await(function () return reads(customer) >= 60 end)
  assert.is_true(doctor:settled(60))
  assert.is_true(customer:settled(60))
  -- what came twice would come before the last ones
  expected[#expected + 1] = "end"
  assert(doctor:text "end")
  assert(customer:text "end")
  await(function ()
    return customer.heard[#customer.heard].content == "end"
      and doctor.heard[#doctor.heard].content == "end"
  end)
  assert.equal(table.concat(expected, " "), contents(doctor.heard))
  assert.equal(table.concat(expected, " "), contents(customer.heard))
  assert.equal(60, reads(customer))
  doctor:close()
  customer:close()
  server:stop()
  return history, last_read
end

describe("a chat's server that comes back", function ()
  it_needs_luasql("on its history has lost nothing of it", function ()
    local name = os.tmpname()
    finally(function ()
      for _, ending in ipairs { "", "-wal", "-shm" } do os.remove(name .. ending) end
    end)
    wsmanager.run(function ()
      local history, last_read = play(function () return chat.history.sqlite { file = name } end,
        true)
      assert.same({ 1, 122 }, { history:range "pair" })
      -- who of the two wrote last, and so which number it has, is open
      assert.equal(last_read, history:marks("pair")["7"].read)
      history:close()
    end)
  end)

  it("without its history gets again what was not received", function ()
    wsmanager.run(function () play(chat.history.memory, false) end)
  end)
end)

describe("a chat's server whose history fails", function ()
  it("sends its users away for a while, and nothing is lost", function ()
    local history = chat.history.memory()
    local append, fails = history.append, 3
    function history.append (...)
      fails = fails - 1
      if fails >= 0 then return nil, "full", "the disk is full" end
      return append(...)
    end
    wsmanager.run(function ()
      local codes, errors = {}, {}
      local server = serve(0, history, function (why) errors[#errors + 1] = why end)
      local doctor = chats.join(server, "7", { peer = "42" })
      local customer = chats.join(server, "42", { peer = "7" })
      customer.ws:addEventListener("close", function (event)
        codes[#codes + 1] = event.code
      end)
      for at = 1, 10 do customer:text(tostring(at)) end
      await(function () return #doctor.heard >= 10 end)
      assert.equal("1 2 3 4 5 6 7 8 9 10", contents(doctor.heard))
      assert.equal(1013, codes[1])
      assert.same({ "the disk is full", "the disk is full", "the disk is full" },
        errors)
      assert.is_true(customer:settled(60))
      doctor:close()
      customer:close()
      server:stop()
    end)
  end)
end)
