-- examples/gateways/devtools.lua with a real Chromium.

if not require "support.json".is_there "the examples" then return end

local bots = require "support.bots"
local files = require "support.files"
local peers = require "support.peers"

describe("base64", function ()
  it("is read to its last byte", function ()
    local from_base64 = bots.pure("devtools.lua", "from_base64")
    assert.equal("", from_base64 "")
    assert.equal("f", from_base64 "Zg==")
    assert.equal("fo", from_base64 "Zm8=")
    assert.equal("foobar", from_base64 "Zm9vYmFy")
    assert.equal("\0\255\254", from_base64 "AP/+")
  end)
end)

describe("a screenshot", function ()
  local server, ready, folder

  setup(function ()
    folder = bots.folder()
    local file = assert(io.open(folder .. "/page.html", "w"))
    file:write "<!doctype html><title>a page</title><body style='background:#123456'>"
    for i = 1, 50 do file:write("<p style='color:#fff'>line ", i, "</p>") end
    file:close()
    server = peers.start("daemon", {server = "chromium", files = folder})
    ready = server:event()
  end)

  teardown(function () bots.stop() end)

  local function shoot (port, page)
    local picture = folder .. "/picture.png"
    os.remove(picture)
    local url = "ws://127.0.0.1:" .. port .. ready.path
    local output = bots.start("devtools.lua", url, page, picture):rest()
    return output, picture
  end

  -- The colour of its first pixel, which no filter changes (PNG 9).
  local function colour_of (picture)
    local pipe = io.popen("/usr/bin/python3 -c 'import sys, zlib\n"
      .. "data = open(sys.argv[1], \"rb\").read()\n"
      .. "at, bytes = 8, b\"\"\n"
      .. "while at < len(data):\n"
      .. "  n = int.from_bytes(data[at:at + 4], \"big\")\n"
      .. "  if data[at + 4:at + 8] == b\"IDAT\": bytes += data[at + 8:at + 8 + n]\n"
      .. "  at += n + 12\n"
      .. "print(zlib.decompress(bytes)[1:4].hex())' " .. picture)
    local colour = pipe:read "*l"
    pipe:close()
    return colour
  end

  it("is one of the page", function ()
    local output, picture = shoot(server.port, ready.page .. "page.html")
    assert.equal("", output)
    assert.equal("\137PNG\r\n\26\n", files.read(picture):sub(1, 8))
    assert.equal("123456", colour_of(picture))
  end)

  it("is taken though the connection is cut in the middle", function ()
    local proxy = peers.start("cutting_proxy", {
      target = server.port, seed = 7, faults = 4, least = 600, most = 4000,
    })
    local output, picture = shoot(proxy.port, ready.page .. "page.html")
    assert.is_true(io.open(picture) ~= nil, output)
    assert.equal("123456", colour_of(picture))
    local event = proxy:events()[1]
    assert.same({"cuts", 4}, {event.event, event.count})
  end)

  it("is not taken of a page that nobody serves", function ()
    local output, picture = shoot(server.port, "http://127.0.0.1:1/")
    assert.matches("^net::ERR_[%u_]+\n$", output)
    assert.is_nil(io.open(picture))
  end)

  it("is not taken of what is no URL, and the browser says why", function ()
    local output = shoot(server.port, "nonsense")
    assert.matches("^Page.navigate: .*URL", output)
  end)
end)
