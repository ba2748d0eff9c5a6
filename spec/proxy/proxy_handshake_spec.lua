local core = require "wsmanager.core"
local protocol = core.protocol

describe("a proxy handshake without memory", function()
  it("reports it and loses nothing", function()
    collectgarbage()
    collectgarbage()
    for _, proxy in ipairs { "http://u:p@p", "socks5://u:p@p" } do
      local before = core.memory().blocks
      local exchange = protocol.exchange(proxy, "h", 1)
      core.failmemory(0)
      local first, token = exchange:start()
      core.failmemory(-1)
      assert.is_nil(first)
      assert.equal("full", token)
      assert.equal(before, core.memory().blocks)
    end
  end)
end)
