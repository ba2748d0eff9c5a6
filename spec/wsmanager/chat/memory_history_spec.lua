local json = require "support.json"
if not json.is_there "a chat's history" then return end

local memory = require "wsmanager.chat.memory_history"
local histories = require "support.histories"

describe("a history in memory", function ()
  histories.keeps_the_contract(memory)

  it("is a new one each time", function ()
    assert.is_false(memory().durable)
    assert.not_equal(memory().id, memory().id)
  end)

  it("raises at its caller's line for wrong options", function ()
    for why, given in pairs {
      ["unknown option 'mesages' (did you mean 'messages'?)"] = { mesages = 1 },
      ["bad option 'bytes' (positive integer expected, got 0)"] = { bytes = 0 },
      ["bad argument #1 to 'memory' (table expected, got number)"] = 7,
    } do
      local ok, found = pcall(function () memory(given) end)
      assert.is_false(ok)
      assert.matches("memory_history_spec%.lua:%d+: ", found)
      assert.equal(why, (found:gsub("^[^\n]-:%d+: ", "")))
    end
  end)
end)
