-- The unit of docs/how-to/systemd.md, as systemd reads it.
-- Runs once: it knows no Lua.

local files = require "support.files"

describe("the unit for systemd", function ()
  it("is one that systemd understands", function ()
    local unit = assert(files.read "docs/how-to/systemd.md":match "```ini\n(.-)```")
    local name = os.tmpname()
    local path = name .. ".service"
    local file = assert(io.open(path, "w"))
    -- what it executes is not here
    file:write((unit:gsub("ExecStart=/usr/bin/lua5%.4 ", "ExecStart=/bin/sh ")))
    file:close()
    local pipe = io.popen("systemd-analyze verify --man=no " .. path .. " 2>&1; echo status $?")
    local text = pipe:read "*a"
    pipe:close()
    os.remove(name)
    os.remove(path)
    assert.equal("status 0\n", text)
  end)
end)
