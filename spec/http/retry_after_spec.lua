local protocol = require "wsmanager.core".protocol

describe("an HTTP date", function()
  it("has three forms", function()
    for _, text in ipairs {
      "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994", " Sun, 06 Nov 1994 08:49:37 GMT\t",
    } do
      assert.equal(784111777, protocol.httpdate(text, 1700000000), text)
    end
  end)

  it("follows the calendar", function()
    for text, expected in pairs {
      ["Thu, 01 Jan 1970 00:00:00 GMT"] = 0,
      ["Wed, 31 Dec 1969 23:59:59 GMT"] = -1,
      ["Thu, 29 Feb 2024 12:00:00 GMT"] = 1709208000,
      ["Fri, 01 Mar 2024 00:00:00 GMT"] = 1709251200,
      ["Tue, 29 Feb 2000 00:00:00 GMT"] = 951782400,
      ["Tue, 19 Jan 2038 03:14:08 GMT"] = 2147483648,
      ["Fri, 31 Dec 9999 23:59:59 GMT"] = 253402300799,
      ["Sat, 31 Dec 2016 23:59:60 GMT"] = 1483228800,
    } do
      assert.equal(expected, protocol.httpdate(text, 0), text)
    end
  end)

  it("of two digits is at most 50 years ahead", function()
    local now = 1700000000 -- 2023
    local function year(two)
      local s = assert(protocol.httpdate("Monday, 15-Jun-" .. two .. " 00:00:00 GMT", now))
      return math.floor(1970 + s / 31556952)
    end
    assert.equal(2073, year "73")
    assert.equal(1974, year "74")
    assert.equal(2000, year "00")
    assert.equal(1999, year "99")
  end)

  it("of two digits has a century, whatever the clock says", function()
    for now, expected in pairs { [-1e15] = 784111777, [9e15] = 253239727777 } do
      assert.equal(expected, protocol.httpdate("Sunday, 06-Nov-94 08:49:37 GMT", now))
    end
  end)

  it("fails when it is malformed", function()
    for _, text in ipairs {
      "", "now", "Sun", "Sun,", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49 GMT",
      "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT",
      "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
      "Fri, 31 Nov 1994 08:49:37 GMT", "Wed, 29 Feb 2023 12:00:00 GMT",
      "Mon, 29 Feb 1900 12:00:00 GMT", "Sun, 06 Nov 1994 08:49:37 GMT x",
      "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 94",
      "06 Nov 1994 08:49:37 GMT", "S, 06 Nov 1994 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT",
    } do
      assert.is_nil(protocol.httpdate(text, 0), text)
    end
  end)

  it("fails wherever it is cut", function()
    for _, text in ipairs {
      "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
    } do
      for n = 0, #text - 1 do assert.is_nil(protocol.httpdate(text:sub(1, n), 0)) end
    end
  end)
end)

describe("Retry-After", function()
  local NOW = 784111777

  it("is a number of seconds, up to the limit", function()
    for text, expected in pairs {
      ["0"] = 0, ["1"] = 1, ["120"] = 120, ["599"] = 599, ["600"] = 600, ["601"] = 600,
      ["007"] = 7, [("9"):rep(400)] = 600, [" 5 "] = 5,
    } do
      assert.equal(expected, protocol.retryafter(text, NOW, 600), text)
    end
  end)

  it("is a date, relative to now", function()
    for text, expected in pairs {
      ["Sun, 06 Nov 1994 08:49:38 GMT"] = 1,
      ["Sun, 06 Nov 1994 08:51:37 GMT"] = 120,
      ["Sun, 06 Nov 1994 08:49:37 GMT"] = 0,
      ["Sat, 05 Nov 1994 08:49:37 GMT"] = 0,
      ["Fri, 31 Dec 9999 23:59:59 GMT"] = 600,
      ["Sunday, 06-Nov-94 08:50:00 GMT"] = 23,
      ["Sun Nov  6 08:50:00 1994"] = 23,
    } do
      assert.equal(expected, protocol.retryafter(text, NOW, 600), text)
    end
  end)

  it("is ignored when it is neither", function()
    for _, text in ipairs { "", " ", "-1", "1.5", "1s", "+3", "0x10", "Sun, 06 Nov 1994" } do
      assert.is_nil(protocol.retryafter(text, NOW, 600), text)
    end
  end)
end)
