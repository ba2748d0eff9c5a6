-- What a listener leaves behind at the path of a Unix socket.

local core = require "wsmanager.core"

describe("a listener on a Unix socket", function()
  local loop, path

  before_each(function()
    loop = assert(core.loop())
    path = os.tmpname()
    os.remove(path)
  end)

  after_each(function()
    loop:close()
    os.remove(path)
  end)

  local function listen()
    return assert(core.server(loop, { path = path }))
  end

  -- The words of `ls` for the file at the path: its kind and inode; nil: none.
  local function file()
    local pipe = io.popen("stat -c '%F %i' " .. path .. " 2>/dev/null")
    local text = pipe:read("*l")
    pipe:close()
    return text
  end

  it("removes its socket when it closes", function()
    local server = listen()
    assert.matches("^socket %d+$", file())
    server:close()
    assert.is_nil(file())
  end)

  it("leaves the socket of another that took its path", function()
    local first = listen()
    os.remove(path)
    local second = listen()
    local its = file()
    first:close()
    assert.equal(its, file())
    second:close()
    assert.is_nil(file())
  end)

  it("leaves a file that took its path", function()
    local server = listen()
    os.remove(path)
    assert(io.open(path, "w")):close()
    local its = file()
    assert.matches("^regular", its)
    server:close()
    assert.equal(its, file())
  end)

  it("takes over what a server that is gone left", function()
    local child = "exec " .. os.getenv "LUA" .. [[ -e '
      local core = require "wsmanager.core"
      assert(core.server(assert(core.loop()), { path = "]] .. path .. [[" }))
      io.stdout:write "listens\n" io.stdout:flush()
      os.execute("kill -9 $PPID")']]
    local pipe = io.popen(child)
    assert.equal("listens", pipe:read("*l"))
    pipe:read("*a")
    pipe:close()
    assert.matches("^socket", file())
    listen():close()
    assert.is_nil(file())
  end)
end)
