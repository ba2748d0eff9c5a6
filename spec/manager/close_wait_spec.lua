local managers = require "support.managers"

describe("the end of a connection", function()
  local function closing(role, options)
    local m = role == "server" and managers.serve(options) or managers.open(options)
    m:close(1000, "", 0)
    return m
  end

  for _, role in ipairs { "client", "server" } do
    it("begins anew while the peer acknowledges bytes of a " .. role, function()
      local m = closing(role)
      m:delivered(0, false, 0)
      assert.equal(1250, m:deadline()) -- looks four times in 5 s
      for at = 1250, 60000, 1250 do
        m:delivered(at, false, at)
        m:tick(at)
        assert.same({ "closing", at + 1250 }, { m:state(), m:deadline() })
      end
      for at = 61250, 65000, 1250 do -- it has stopped
        assert.equal("closing", m:state())
        m:delivered(60000, false, at)
        m:tick(at)
      end
      assert.equal("closed", m:state())
    end)

    it("is waited for once when the peer has it all, by a " .. role, function()
      local m = closing(role)
      local ping = role == "server" and managers.masked(9, "x") or managers.frame(9, "x")
      m:delivered(10, false, 0)
      m:delivered(20, false, 1250)
      m:delivered(30, true, 2500) -- at some time after 1250
      assert.equal(6250, m:deadline())
      for at = 2500, 6000, 500 do
        m:feed(ping, at)
        m:delivered(at, at % 1000 == 0, at)
        m:tick(at)
        assert.same({ "closing", 6250 }, { m:state(), m:deadline() })
      end
      m:tick(6250)
      assert.equal("closed", m:state())
    end)
  end

  it("is the one that was given when everything is with the peer at once", function()
    local m = closing "client"
    m:delivered(10, true, 0)
    assert.equal(5000, m:deadline())
  end)

  it("is waited for without an end when timeouts.close is off", function()
    local m = closing("client", { close_ms = 0 })
    m:delivered(0, false, 0)
    assert.is_nil(m:deadline())
    m:delivered(0, true, 1e9)
    m:tick(1e9)
    assert.same({ "closing", nil }, { m:state(), m:deadline() })
  end)
end)
