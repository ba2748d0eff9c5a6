-- Choosing a host: in programs of their own, as it is done once in a Lua state.

local programs = require "support.programs"

local PEER = [[
local wsmanager = require "wsmanager"
local function fails (...)
  local ok, why = pcall(...)
  print(not ok and why or "no error")
end
]]

local function run (program)
  return programs.run(PEER .. program)
end

describe("wsmanager.use", function ()
  it("refuses what is no host, and names what it may be", function ()
    local text = run [[
      fails(wsmanager.use)
      fails(wsmanager.use, "luw")
      fails(wsmanager.use, {wacth = print})
      fails(wsmanager.use, {watch = 1})
      fails(wsmanager.use, {park = print})
      fails(wsmanager.use, {spawn = print, watch = print})
      fails(wsmanager.use, {spawn = print, watch = print, may_wait = print})
    ]]
    assert.matches("string or table expected, got nil", text, 1, true)
    assert.matches("unknown host 'luw' (did you mean 'luv'?)", text, 1, true)
    assert.matches("unknown option 'wacth' (did you mean 'watch'?)", text, 1, true)
    assert.matches("bad option 'watch' (function expected, got number)", text, 1, true)
    assert.matches("'park' is for one that owns its threads, and needs 'spawn'", text, 1, true)
    assert.matches("'spawn' needs 'may_wait'", text, 1, true)
    assert.matches("'spawn' needs 'condition', or 'park' and 'resume'", text, 1, true)
    assert.matches("status 0", text, 1, true)
  end)

  it("raises at the caller's line", function ()
    local text = programs.run 'require "wsmanager".use "nowhere"'
    assert.matches(":1: unknown host 'nowhere'", text, 1, true)
  end)

  it("is for once", function ()
    local text = run [[
      wsmanager.use "love"
      fails(wsmanager.use, "love")
    ]]
    assert.matches("'use' comes too late: the host was chosen already: love", text, 1, true)
  end)

  it("comes before the first connection, and before the first wait", function ()
    for _, first in ipairs {
      'wsmanager.new {url = "ws://127.0.0.1:1"}', "wsmanager.sleep(0)",
      "wsmanager.step(0)", "wsmanager.fd()",
    } do
      local text = run(first .. ' fails(wsmanager.use, "love")')
      assert.matches("'use' comes too late: the module's loop was used already", text, 1, true)
    end
  end)

  it("has a host say itself why it is no place to begin", function ()
    local text = run [[
      fails(wsmanager.use, {check = function () return "this is the cellar" end})
    ]]
    assert.matches("wsmanager: this is the cellar", text, 1, true)
  end)
end)

describe("the descriptor", function ()
  it("is readable when a sleeper is due, and says when", function ()
    local text = run [[
      local fd = wsmanager.fd()
      print(fd == wsmanager.fd())
      while wsmanager.timeout() == 0 do wsmanager.step(0) end
      wsmanager.spawn(function () wsmanager.sleep(5) end)
      print(wsmanager.timeout() == 0)
      wsmanager.step(0)
      local left = wsmanager.timeout()
      print(left > 4 and left <= 5)
    ]]
    assert.equal("true\ntrue\ntrue\nstatus 0\n", text)
  end)
end)
