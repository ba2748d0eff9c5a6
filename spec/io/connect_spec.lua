-- Connecting, in a network of a program's own: support/connects.c.

local files = require "support.files"

-- The words that the program prints.
local function run(what)
  local folder = assert(files.module("wsmanager.core")):match("^(.*)/wsmanager/")
  local pipe = assert(io.popen("timeout 60 '" .. folder .. "/connects' " .. what))
  local words = {}
  for line in pipe:lines() do words[#words + 1] = line end
  pipe:close()
  return words
end

describe("connecting", function()
  it("to a port where nobody listens is refused, from that port too", function()
    assert.same({ "attempt1", "refused" }, run("self"))
  end)

  it("tries the next address while the first does not answer (RFC 8305 5)", function()
    local words = run("stagger")
    assert.same({ "attempt1", "early", "attempt2" },
                { words[1], words[2], words[3] })
    assert.equal("connected", words[#words])
  end)
end)
