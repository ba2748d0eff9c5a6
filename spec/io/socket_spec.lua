-- Sockets that cannot be adopted: a program of its own, support/adoptions.c.

local files = require "support.files"

describe("a socket", function()
  it("that libwebsockets cannot adopt is closed once", function()
    local folder = assert(files.module("wsmanager.core")):match("^(.*)/wsmanager/")
    local pipe = assert(io.popen("timeout 60 '" .. folder .. "/adoptions' 2>&1"))
    local text = pipe:read("*a")
    pipe:close()
    local failed, rest = text:match("^failed: (%d+)\n(.*)$")
    assert.is_true((tonumber(failed) or 0) >= 2, text)
    assert.equal("open: 0\nfiles lost: 0\n", rest)
  end)
end)
