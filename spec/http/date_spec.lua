local protocol = require "wsmanager.core".protocol

local function date(seconds)
  return protocol.reply { status = 200, date = seconds }:match "\r\nDate: ([^\r]*)\r\n"
end

describe("a date of HTTP", function()
  it("is RFC 9110's own example", function()
    assert.equal("Sun, 06 Nov 1994 08:49:37 GMT", date(784111777))
  end)

  it("is that of the system, over leap years and centuries", function()
    -- a time of 32 bit ends in 2038
    local last = pcall(os.date, "!%a", 253402300799) and 253402300799 or 2^31 - 1
    local seconds = 1
    while seconds <= last do
      assert.equal(os.date("!%a, %d %b %Y %H:%M:%S GMT", seconds), date(seconds))
      seconds = seconds + 86400 * 590 + 12345
    end
    for _, day in ipairs { 951782400, 951868800, 4107456000, 4107542400, 253402214400 } do
      for _, second in ipairs(day < last and { 0, 1, 86399 } or {}) do
        assert.equal(os.date("!%a, %d %b %Y %H:%M:%S GMT", day + second),
                     date(day + second))
      end
    end
  end)

  it("stays within four digits of a year, and is none without a clock", function()
    assert.equal("Fri, 31 Dec 9999 23:59:59 GMT", date(1e15))
    assert.is_nil(date(0))
    assert.is_nil(date(nil))
  end)
end)
