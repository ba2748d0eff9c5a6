-- Tests that hang, each in a way of its own, and others around them: scripts/hangs
-- shows that the watchdog names and ends them. No part of the suite.

describe("a test", function()
  it("passes", function() end)

  it("loops in Lua", function() while true do end end)

  it("passes after that", function() end)

  it("waits for a child that hangs", function()
    io.popen("exec sleep 3600"):read "*a"
  end)

  it("never runs", function() end)
end)
