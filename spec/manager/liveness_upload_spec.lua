-- When a manager takes its peer for dead during an upload, on a fake clock.

local liveness = require "support.liveness"
local managers = require "support.managers"

local acknowledging, dead_at, pass = liveness.acknowledging, liveness.dead_at, liveness.pass

describe("an upload", function()
  -- So many bytes are acknowledged each second, of an output of `total`.
  local function upload(m, total, rate, stops)
    local kernel = { written = 0, acknowledged = 0, blocked = true }
    assert.equal("sent", m:send(("x"):rep(total), true))
    local now = 0
    kernel.written = total / 2          -- so much is in the kernel
    m:wrote(total / 2, 0)
    while m:state() == "open" and kernel.acknowledged < total do
      now = now + 1000
      if not stops or now <= stops then
        kernel.acknowledged = math.min(kernel.acknowledged + rate, kernel.written)
        local room = math.min(total / 2 + kernel.acknowledged, total) - kernel.written
        if room > 0 then
          m:wrote(room, now)
          kernel.written = kernel.written + room
          kernel.blocked = kernel.written < total
        end
      end
      if m:wants_delivery(now) then m:delivered(kernel.acknowledged, false, now, kernel) end
      m:tick(now)
      if now > 2e6 then break end
    end
    return now, kernel
  end

  it("may take longer than the timeout, its last bytes in the kernel", function()
    local m = managers.open()
    local now, kernel = upload(m, 1e6, 1000)
    assert.equal("open", m:state())
    assert.is_true(now >= 1e6 and kernel.acknowledged == 1e6)
  end)

  it("of a reader that stops ends 70 s after the look that saw progress", function()
    local m = managers.open()
    local now = upload(m, 1e6, 1000, 500000)
    assert.equal("waiting", m:state())
    -- looks are 17.5 s apart, this driver's clock a second
    assert.is_true(now >= 500000 + 70000 and now <= 500000 + 70000 + 18500)
  end)

  it("that nobody acknowledges proves nothing", function()
    local m = managers.open()
    assert.equal(100000, (upload(m, 1e6, 0)))
  end)

  -- Half of the time after a message, which the peer's kernel has.
  it("that a ping waits behind counts, too", function()
    local m = managers.open { heartbeat_message = "beat", heartbeat_interval_ms = 60000 }
    local kernel, acknowledge = acknowledging()
    pass(m, 70000, kernel, acknowledge)
    m:send(("x"):rep(1e6), true, 75000)
    kernel.written = kernel.written + #m:write(75000)
    local function some() kernel.acknowledged = kernel.acknowledged + 1000 end
    pass(m, 300000, kernel, some)
    assert.equal("open", m:state())
    -- nothing more is acknowledged
    assert.is_true(dead_at(m, 600000, kernel) <= 300000 + 40000)
  end)

  for blocked, at in pairs { [true] = false, [false] = 100000 } do
    it("counts where the kernel " .. (blocked and "is full" or "takes more") .. ", the heartbeat "
       .. "acknowledged", function()
      local m = managers.open()
      local kernel, acknowledge = acknowledging()
      pass(m, 31000, kernel, acknowledge)
      acknowledge()
      kernel.blocked = blocked
      kernel.written = kernel.written + 1e6
      local now = dead_at(m, 400000, kernel, function()
        kernel.acknowledged = kernel.acknowledged + 1000
      end)
      assert.equal(at, now or false)
    end)
  end

  it("leaves the time to answer to the heartbeat behind it, too", function()
    local m = managers.open {
      heartbeat_message = "Are you there?", heartbeat_ack = true, heartbeat_mode = 3,
    }
    local kernel, acknowledge = acknowledging()
    pass(m, 31000, kernel, acknowledge)
    acknowledge() -- the first one, which is never answered
    kernel.blocked = true
    kernel.written = kernel.written + 1e6
    local last
    local function carry(now)
      last = now
      kernel.acknowledged = kernel.acknowledged + 1000
      if now > 100000 then kernel.blocked = false end
    end
    pass(m, 800000, kernel, carry)
    assert.equal("open", m:state())
    acknowledge()
    assert.equal(last + 70000, dead_at(m, 1e6, kernel))
  end)

  -- A trickle of ours each second, or what is left of an upload.
  local function without_heartbeats(blocked)
    local m = managers.open { heartbeat_interval_ms = 0 }
    local kernel = { written = 0, acknowledged = 0, blocked = blocked }
    for now = 1000, 400000, 1000 do
      kernel.written, kernel.acknowledged = now, now - 500
      if m:deadline() <= now then pass(m, now, kernel) end
      if m:state() ~= "open" then return now end
    end
  end

  it("is plain silence without heartbeats, whatever the peer's TCP acknowledges", function()
    assert.equal(100000, without_heartbeats(false))
  end)

  it("counts without heartbeats, too, where the kernel is full", function()
    assert.is_nil(without_heartbeats(true))
  end)
end)
