-- A manager that negotiates permessage-deflate, as client and as server.

local bytes = require "support.bytes"
local managers = require "support.managers"
local sessions = require "support.sessions"
local core = require "wsmanager.core"

local protocol = core.protocol
local HELLO = bytes.hex "f2 48 cd c9 c9 07 00"      -- RFC 7692 7.2.3.1

local frames = sessions.parsed

describe("a manager that wants compression", function()
  local offer = "permessage-deflate; client_max_window_bits"

  local function agreement(extensions)
    return (managers.response:gsub("\r\n\r\n", "\r\nSec-WebSocket-Extensions: "
      .. extensions .. "\r\n\r\n"))
  end

  local function client(answer)
    local m = managers.new { compress = true }
    m:start(0)
    managers.target(m, 0)
    m:connected(0)
    local request = m:write(0)
    m:feed(answer, 0)
    return m, request
  end

  local function server(offers, options)
    local all = { role = "server" }
    for name, value in pairs(options or {}) do all[name] = value end
    local m = managers.new(all)
    m:feed((managers.request:gsub("\r\n\r\n$", "\r\nSec-WebSocket-Extensions: " .. offers
      .. "\r\n\r\n")), 0)
    m:accept(nil, nil, 0)
    return m, m:write(0)
  end

  it("offers it as a client, and uses it when it is agreed on", function()
    local m, request = client(agreement "permessage-deflate")
    assert.matches("\r\nSec-WebSocket-Extensions: " .. offer .. ", ", request, 1, true)
    assert.equal("open", m:state())
    m:feed(protocol.frame(1, HELLO, { rsv1 = true }), 0)
    assert.equal("Hello", (m:next(0)))
    m:send(("x"):rep(5000))
    assert.is_true(frames(m:write(0))[1].rsv1)
  end)

  it("keeps no context of it while it waits for the next connection", function()
    local m = client(agreement "permessage-deflate")
    m:feed(protocol.frame(1, HELLO, { rsv1 = true }), 0)
    assert.equal("Hello", (m:next(0)))
    local before = core.memory().blocks
    m:lost(nil, nil, nil, 1)
    assert.equal("waiting", m:state())
    assert.is_true(core.memory().blocks < before)
  end)

  it("goes on without it when the server does not answer", function()
    local m = client(managers.response)
    assert.equal("open", m:state())
    m:send(("x"):rep(5000))
    assert.is_false(frames(m:write(0))[1].rsv1)
  end)

  it("refuses an answer that breaks RFC 7692, naming the parameter, for good", function()
    for answer, name in pairs {
      ["permessage-deflate; foo"] = '"foo"',
      ["permessage-deflate; server_max_window_bits=7"] = '"server_max_window_bits"',
      ["permessage-deflate; client_max_window_bits"] = '"client_max_window_bits"',
      ["permessage-deflate; server_no_context_takeover; server_no_context_takeover"] =
        '"server_no_context_takeover"',
      ["permessage-deflate, permessage-deflate"] = '"permessage-deflate"',
    } do
      local m = client(agreement(answer))
      assert.equal("closed", m:state())
      local list = managers.events(m)
      assert.same({ "error", "handshake" }, { list[1][1], list[1][2] })
      assert.matches(name, list[1][3], 1, true)
    end
  end)

  it("accepts the first good offer as a server", function()
    local m, answer = server("foo, permessage-deflate; bar, permessage-deflate; "
                             .. "server_max_window_bits=\"10\", permessage-deflate",
                             { compress = true })
    assert.matches("\r\nSec-WebSocket-Extensions: permessage-deflate; "
                   .. "server_max_window_bits=10\r\n", answer, 1, true)
    m:feed(protocol.frame(1, HELLO, { rsv1 = true, mask = "abcd" }), 0)
    assert.equal("Hello", (m:next(0)))
    m:send(("x"):rep(5000))
    assert.is_true(frames(m:write(0))[1].rsv1)
  end)

  it("answers nothing where nothing is wanted or acceptable", function()
    for _, options in ipairs { { compress = false }, { compress = true } } do
      local m, answer = server(options.compress and "permessage-deflate; foo" or offer, options)
      assert.is_nil((answer:find("Extensions", 1, true)))
      m:feed(protocol.frame(1, HELLO, { rsv1 = true, mask = "abcd" }), 0)
      assert.is_nil((m:next(0)))
      assert.equal("closing", m:state())
    end
  end)

  it("refuses a request whose extensions are no list (RFC 6455 9.1)", function()
    for _, options in ipairs { { compress = false }, { compress = true } } do
      local _, answer = server("permessage-deflate; =1", options)
      assert.matches("^HTTP/1.1 400 ", answer)
    end
  end)

  it("keeps no more than the inbox of what inflates and nobody takes, and reports it", function()
    local data = protocol.deflate { takeover = false }:append(("x"):rep(4000))
    local frame = protocol.frame(2, data, { rsv1 = true, mask = "abcd" })
    local endings = {
      function(m) m:lost(nil, nil, nil, 10) end,
      function(m)
        m:feed(protocol.frame(8, "", { mask = "abcd" }), 10)
        m:tick(10)
        m:tick(5000)
        m:wrote(#m:output(), 5000)
        m:lost(nil, nil, nil, 5000)
      end,
    }
    for _, ending in ipairs(endings) do
      local m = server(offer, { compress = true, inbox_bytes = 10000 })
      managers.event_names(m)
      m:feed(frame:rep(100), 1)
      ending(m)
      local kept = managers.messages(m, 6000)
      assert.equal(3, #kept)
      for _, message in ipairs(kept) do assert.equal(4000, #message) end
      local told = managers.events(m)
      assert.same({ "untaken", 97, 97 * 4000, "full" }, told[1])
      assert.equal("error", told[2][1])
      assert.matches("messages were lost", told[2][3], 1, true)
    end
  end)

  it("sends again what the kernel never took, compressed anew", function()
    local m = client(agreement "permessage-deflate")
    managers.event_names(m)
    local text = ("abcdefghij"):rep(500)
    m:send "first"
    m:send(text)
    local output = m:output()
    m:wrote(#output - 1, 0)
    m:lost(nil, nil, nil, 10)
    assert.equal("error close reconnecting", managers.event_names(m))
    m:tick(60000)
    managers.target(m, 60000)
    m:connected(60000)
    m:write(60000)
    m:feed(agreement "permessage-deflate", 60000)
    local list = frames(m:write(60000))
    assert.equal(1, #list)
    assert.is_true(list[1].rsv1)
    local d = protocol.deflate()
    assert.is_true(d:inflate(list[1].payload))
    assert.is_true(d:finish() == text)
  end)
end)
