-- Messages of 64 MiB that other programs send, read in parts (option `stream`).

local peers = require "support.peers"

local MIB = 2 ^ 20

describe("a large message of another program", function ()
  after_each(peers.stop)

  local lua = os.getenv "LUA"

  -- What reading.lua says of a message of 64 MiB.
  local function read (peer, kind, most, more)
    local command = ("ASAN_OPTIONS=$ASAN_OPTIONS:quarantine_size_mb=1 timeout 300 '%s' "
      .. "spec/support/reading.lua ws://127.0.0.1:%d/large/%s/%d/%d %s 2>&1")
      :format(lua, peer.port, kind, 64 * MIB, most, more or "none")
    local pipe = io.popen(command)
    local text = pipe:read "*a"
    pipe:close()
    local is, n, largest, grown = text:match "^(%a+)\t(%d+)\t(%d+)\t(%-?%d+)\n$"
    assert(is, text)
    assert.equal(kind, is)
    assert.equal(64 * MIB - 64 * MIB % 26, tonumber(n))
    assert.is_true(tonumber(largest) <= 65536)
    -- a quarter of the message, in KiB: it was never held
    assert.is_true(tonumber(grown) < 16 * 1024, text)
  end

  for _, name in ipairs {"node_server", "python_server"} do
    it("is read in bounded memory: " .. name .. ", one frame and fragments", function ()
      local peer = peers.start(name)
      read(peer, "binary", 0)
      read(peer, "text", 0, tostring(64 * MIB))
      read(peer, name == "node_server" and "binary" or "text", 99999)
    end)

    it("is read in bounded memory: " .. name .. ", compressed", function ()
      local peer = peers.start(name, {compress = true})
      read(peer, "text", 0, "none compress")
      read(peer, "binary", 1000003, "none compress")
    end)
  end
end)
