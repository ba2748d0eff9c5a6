-- The input and output of a program on its loop: pipes, files, and what others share.

local core = require "wsmanager.core"
local programs = require "support.programs"
local wsm = require "support.wsm"

-- Reads its input to the end, a line of `got` for each read; `turns` while it waits.
local READER = [[
local core = require "wsmanager.core"
local loop = core.loop()
local input = core.descriptor(loop, 0)
local all, waits = {}, 0
while true do
  local bytes, why = input:read()
  if bytes then
    all[#all + 1] = bytes
  elseif bytes == nil then
    print("end", why, table.concat(all), waits > 0 and "waited" or "at once")
    break
  elseif input:await "read" then
    waits = waits + 1
    os.remove(os.getenv "WAITS")
    repeat loop:turn(10) until loop:ready() == input:id()
  end
end
]]

-- For a shell: its next command runs once the program waits, which removes this file; or
-- after some 30 s.
local function until_it_waits()
  local path = wsm.file ""
  return "export WAITS=" .. path .. "; ",
    "for i in $(seq 3000); do [ -e " .. path .. " ] || break; sleep 0.01; done; "
end

describe("a descriptor of a program", function()
  it("reads a pipe as it comes, and waits on the loop", function()
    local name, wait = until_it_waits()
    assert.equal("end\tnil\tonetwo\twaited\nstatus 0\n",
      programs.run(READER, name .. "(printf one; " .. wait .. "printf two) | "))
  end)

  it("reads a file, which is always ready", function()
    assert.equal("end\tnil\tsome text\tat once\nstatus 0\n",
      programs.run(READER, "printf 'some text' > /tmp/wsm-$$; "
        .. "exec < /tmp/wsm-$$; rm /tmp/wsm-$$; "))
    assert.equal("end\tnil\t\tat once\nstatus 0\n", programs.run(READER, "exec < /dev/null; "))
  end)

  it("says why it cannot be read", function()
    assert.equal("end\tIs a directory\t\tat once\nstatus 0\n", programs.run(READER, "exec < /; "))
  end)

  it("writes what there is room for, and waits for more", function()
    local path = wsm.file [[
local core = require "wsmanager.core"
local loop = core.loop()
local output = core.descriptor(loop, 1)
local text, at, waits = ("x"):rep(300000), 1, 0
while at <= #text do
  local after = assert(output:write(text, at))
  if after == at and output:await "write" then
    waits = waits + 1
    os.remove(os.getenv "WAITS")
    repeat loop:turn(10) until loop:ready() == output:id()
  end
  at = after
end
io.stderr:write(waits > 0 and "waited" or "at once", "\n")
]]
    local name, wait = until_it_waits()
    local pipe = io.popen(name .. "{ timeout 60 " .. programs.lua .. " " .. path
      .. " | (" .. wait .. "wc -c); } 2>&1")
    assert.equal("waited\n300000\n", pipe:read "*a")
    pipe:close()
    os.remove(path)
  end)

  it("stays as blocking as it was, for those who share it", function()
    local after = "; python3 -c 'import fcntl, os;"
      .. " print(fcntl.fcntl(0, fcntl.F_GETFL) & os.O_NONBLOCK)'"
    local name, wait = until_it_waits()
    local pipe = io.popen(name .. "(" .. wait .. "echo x) | (" .. programs.lua .. [[ -e '
local core = require "wsmanager.core"
local loop = core.loop()
local input = core.descriptor(loop, 0)
assert(input:await "read")
os.remove(os.getenv "WAITS")
repeat loop:turn(10) until loop:ready() == input:id()
print(input:read() == "x\n")']] .. after .. ")")
    assert.equal("true\n0\n", pipe:read "*a")
    pipe:close()
  end)

  it("is nil, full where there is no memory, and holds nothing when it is closed", function()
    local loop = core.loop()
    core.descriptor(loop, 0):close()
    local before = core.memory().blocks
    for calls = 0, 1 do
      core.failmemory(calls)
      local made, token = core.descriptor(loop, 0)
      core.failmemory(-1)
      if made then made:close() else assert.equal("full", token) end
      assert.equal(before, core.memory().blocks)
    end
    local closed = core.descriptor(loop, 0)
    closed:close()
    closed:close()
    assert.has_error(function() closed:read() end)
    loop:close()
  end)

  it("outlives its loop", function()
    local loop = core.loop()
    local one = core.descriptor(loop, 0)
    one:await "read"
    loop:close()
    assert.is_false(one:await "read")
    one:close()
  end)
end)

describe("the addresses of a name", function()
  local function look(host)
    local loop = core.loop()
    local one, token, detail = core.lookup(loop, host)
    if not one then return nil, token, detail end
    local deadline, found = core.now() + 30, false
    while found == false and core.now() < deadline do
      loop:turn(0.1)
      found, token, detail = one:result()
    end
    one:close()
    loop:close()
    return found, token, detail
  end

  it("are itself where it is one, and those of /etc/hosts", function()
    assert.same({ "127.0.0.1" }, (look "127.0.0.1"))
    assert.same({ "::1" }, (look "::1"))
    assert.is_string(look "localhost"[1])
  end)

  it("are none, and why", function()
    local found, token, detail = look "nobody.invalid"
    assert.is_nil(found)
    assert.equal("resolve", token)
    assert.matches("nobody", detail)
  end)

  it("are given up when it is closed, or the loop", function()
    local loop = core.loop()
    core.lookup(loop, "nobody.invalid"):close()
    local left = core.lookup(loop, "nobody.invalid")
    loop:close()
    left:close()
  end)
end)
