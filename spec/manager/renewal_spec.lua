-- reconnect.after on a simulated clock: when an open connection is to be renewed.

local managers = require "support.managers"

local event_names = managers.event_names
local QUIET = 3600000 -- ms: no heartbeat before

local function open (options, now)
  options.heartbeat_interval_ms, options.heartbeat_timeout_ms = QUIET, 2 * QUIET
  return managers.open(options, now)
end

describe("a planned renewal", function ()
  it("is asked for once, after its time", function ()
    local m = open({after_ms = 60000}, 1000)
    assert.equal(61000, m:deadline())
    m:tick(60999)
    assert.equal("", event_names(m))
    m:tick(61000)
    assert.equal("renew", event_names(m))
    m:tick(1000000)
    assert.equal("", event_names(m))
  end)

  it("is spread by jitter, over the last tenth of it", function ()
    local seen = {}
    for seed = 1, 50 do
      local m = open({after_ms = 60000, jitter = 1, seed = seed * 7919}, 0)
      assert.is_true(m:deadline() > 54000 and m:deadline() <= 60000)
      seen[m:deadline()] = true
    end
    local different = 0
    for _ in pairs(seen) do different = different + 1 end
    assert.is_true(different > 20)
  end)

  it("is never without the option, nor while it is not open", function ()
    local m = open({}, 0)
    m:tick(QUIET - 1)
    assert.equal("", event_names(m))
    m = open({after_ms = 60000}, 0)
    m:lost("closed", "reset", false, 59000)
    event_names(m)
    assert.equal(61000, m:deadline())
    m:tick(60000)
    assert.equal("", event_names(m))
  end)

  it("that failed comes again after the delays", function ()
    local m = open({after_ms = 60000, delay_ms = 2000, factor = 2}, 0)
    m:tick(60000)
    m:renewalfailed(60000)
    assert.equal(62000, m:deadline())
    m:tick(62000)
    assert.equal("renew", event_names(m))
    m:renewalfailed(62000)
    assert.equal(66000, m:deadline())
  end)
end)
