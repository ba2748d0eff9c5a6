local protocol = require "wsmanager.core".protocol

local HEAD = "GET / HTTP/1.1\r\nHost: a\r\n"
local LINE = "Sec-WebSocket-Extensions: "

-- What a server that wants `options` makes of these offers, a header each.
local function choose(offers, options)
  if type(offers) == "string" then offers = { offers } end
  local head = HEAD
  for _, offer in ipairs(offers) do head = head .. LINE .. offer .. "\r\n" end
  return protocol.deflatechoose(head .. "\r\n", options)
end

local function answer_to(offers, options)
  return select(2, choose(offers, options))
end

local function agreed(window, peer_window, takeover, peer_takeover)
  return { window = window, peer_window = peer_window,
           takeover = takeover, peer_takeover = peer_takeover }
end

-- The server refused to take up any of them, and went on without.
local function assert_passed_over(offers, options)
  assert.is_false(choose(offers, options))
end

local function assert_refused(pattern, answer, options)
  local ok, token, detail = protocol.deflatecheck(answer, options)
  assert.is_nil(ok)
  assert.equal("handshake", token)
  assert.matches(pattern, detail, 1, true)
end

local illegal = {
  { "an unknown parameter", "permessage-deflate; foo", '"foo"' },
  { "an unknown parameter with a value", "permessage-deflate; foo=1", '"foo"' },
  { "a name in capitals", "permessage-deflate; Server_no_context_takeover",
    '"Server_no_context_takeover"' },
  { "a repeated flag",
    "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
    'repeats the parameter "server_no_context_takeover"' },
  { "a repeated window",
    "permessage-deflate; server_max_window_bits=10; server_max_window_bits=10",
    'repeats the parameter "server_max_window_bits"' },
  { "a flag with a value", "permessage-deflate; server_no_context_takeover=true",
    'a value for the parameter "server_no_context_takeover"' },
  { "the other flag with a value", "permessage-deflate; client_no_context_takeover=1",
    'a value for the parameter "client_no_context_takeover"' },
  { "a window without a value", "permessage-deflate; server_max_window_bits",
    'no value for the parameter "server_max_window_bits"' },
}
for _, bits in ipairs { "7", "16", "0", "08", "015", "1", "100", "ten", "-9", "9x", "1.0" } do
  for _, name in ipairs { "server_max_window_bits", "client_max_window_bits" } do
    illegal[#illegal + 1] = { name .. " of " .. bits,
      "permessage-deflate; " .. name .. "=" .. bits,
      'an illegal value for the parameter "' .. name .. '"' }
  end
end

local malformed = {
  "permessage-deflate;", "permessage-deflate; ;", "permessage-deflate; =10",
  "permessage-deflate; server_max_window_bits=", "permessage-deflate client",
  'permessage-deflate; server_max_window_bits="10',
  'permessage-deflate; server_max_window_bits=""',
  'permessage-deflate; server_max_window_bits="1 0"',
  'permessage-deflate; server_max_window_bits="10\\',
  "permessage-deflate; server_max_window_bits=1=0", "; foo", "(", "a, b;, c",
  'foo; bar="a,b"', 'permessage-deflate; a="b"c',
}

describe("an offer of compression", function()
  it("has only the parameters that differ from the defaults", function()
    local function assert_offer(first, options)
      assert.equal("permessage-deflate; " .. first, protocol.deflateoffer(options))
    end
    assert_offer("client_no_context_takeover; client_max_window_bits",
                 { takeover = false })
    assert_offer("client_no_context_takeover; server_max_window_bits=9; "
                 .. "client_max_window_bits", { takeover = false, peer_window = 9 })
    assert_offer("client_no_context_takeover; client_max_window_bits=10",
                 { takeover = false, window = 10 })
    assert_offer("server_no_context_takeover; client_no_context_takeover; "
                 .. "server_max_window_bits=12; client_max_window_bits=14",
                 { takeover = false, peer_takeover = false, window = 14,
                   peer_window = 12 })
  end)

  it("is made a second time for servers that want the client's context dropped",
     function()
    assert.equal("permessage-deflate; client_max_window_bits, permessage-deflate; "
                 .. "client_no_context_takeover; client_max_window_bits",
                 protocol.deflateoffer())
    assert.equal("permessage-deflate; server_no_context_takeover; "
                 .. "client_max_window_bits, permessage-deflate; "
                 .. "server_no_context_takeover; client_no_context_takeover; "
                 .. "client_max_window_bits",
                 protocol.deflateoffer { peer_takeover = false })
  end)

  it("raises for a window or a level that zlib does not have", function()
    for _, options in ipairs {
      { window = 8 }, { window = 16 }, { peer_window = 8 }, { peer_window = 16 },
      { level = 10 }, { level = -1 }, { window = 9.5 }, { threshold = -1 }, { window = "12" },
    } do
      local name = next(options)
      assert.error_matches(function() protocol.deflateoffer(options) end,
                           "bad option '" .. name .. "'")
    end
  end)
end)

describe("a client that reads the response", function()
  it("goes on without compression when there is none", function()
    assert.is_false(protocol.deflatecheck(""))
    assert.is_false(protocol.deflatecheck(" , ,"))
  end)

  it("accepts the parameters of both directions", function()
    assert.same(agreed(15, 15, true, true), protocol.deflatecheck "permessage-deflate")
    assert.same(agreed(9, 8, false, false),
                protocol.deflatecheck("permessage-deflate; server_no_context_takeover; "
                  .. "client_max_window_bits=9 ;server_max_window_bits = 8;"
                  .. "\tclient_no_context_takeover"))
  end)

  it("accepts values in quotation marks, escaped or not", function()
    assert.same(agreed(10, 15, true, true),
                protocol.deflatecheck 'permessage-deflate; client_max_window_bits="10"')
    assert.same(agreed(15, 12, true, true),
                protocol.deflatecheck 'permessage-deflate; server_max_window_bits="\\1\\2"')
  end)

  it("keeps to its own offer, whatever the response leaves out", function()
    assert.same(agreed(11, 15, false, true),
                protocol.deflatecheck("permessage-deflate", { window = 11, takeover = false }))
  end)

  it("accepts less than it offered", function()
    assert.same(agreed(9, 10, true, true),
                protocol.deflatecheck("permessage-deflate; client_max_window_bits=9; "
                  .. "server_max_window_bits=10", { window = 11, peer_window = 12 }))
    assert.same(agreed(8, 15, true, true),
                protocol.deflatecheck "permessage-deflate; client_max_window_bits=8")
  end)

  for _, case in ipairs(illegal) do
    it("refuses " .. case[1], function() assert_refused(case[3], case[2]) end)
  end

  it("fails for its own window without a value", function()
    assert_refused('no value for the parameter "client_max_window_bits"',
                   "permessage-deflate; client_max_window_bits")
  end)

  it("fails for more than it offered", function()
    assert_refused('more than was offered for "server_max_window_bits"',
                   "permessage-deflate; server_max_window_bits=13", { peer_window = 12 })
  end)

  it("keeps to its own window when the response allows more (RFC 7692 7.1.2.2)", function()
    assert.same(agreed(12, 15, true, true),
                protocol.deflatecheck("permessage-deflate; client_max_window_bits=13",
                                      { window = 12 }))
  end)

  it("fails for a response that does not agree to its demands", function()
    assert_refused('does not agree to "server_no_context_takeover"',
                   "permessage-deflate", { peer_takeover = false })
    assert_refused('does not agree to "server_max_window_bits"',
                   "permessage-deflate", { peer_window = 12 })
  end)

  it("fails for a second extension, and for the same one twice", function()
    assert_refused('the extension "foo"', "permessage-deflate, foo")
    assert_refused('the extension "x-webkit-deflate-frame"', "x-webkit-deflate-frame")
    assert_refused('repeats the extension "permessage-deflate"',
                   "permessage-deflate, permessage-deflate")
  end)

  it("fails for a syntax error", function()
    for _, answer in ipairs(malformed) do
      local ok, token, detail = protocol.deflatecheck(answer)
      assert.is_nil(ok)
      assert.equal("handshake", token)
      assert.is_truthy(detail:find("is not a list", 1, true)
                       or detail:find("comes with the extension", 1, true))
    end
  end)

  it("never reads past the end, wherever the response is cut", function()
    local answer = 'permessage-deflate; server_max_window_bits="1\\0"; client_max_window_bits=12'
    for n = 1, #answer do
      local ok, token = protocol.deflatecheck(answer:sub(1, n))
      if not ok then assert.equal("handshake", token) end
    end
  end)
end)

describe("a server that reads offers", function()
  it("goes on without compression when it is not offered", function()
    assert_passed_over {}
    assert_passed_over ""
    assert_passed_over "x-webkit-deflate-frame, bbf-usp-protocol; a=b; c=\"d\""
  end)

  it("responds with the demanded parameters", function()
    assert.equal("permessage-deflate", answer_to "permessage-deflate")
    assert.equal("permessage-deflate", answer_to "permessage-deflate; client_max_window_bits")
    assert.equal("permessage-deflate; server_no_context_takeover",
                 answer_to "permessage-deflate; server_no_context_takeover")
    assert.equal("permessage-deflate; client_no_context_takeover",
                 answer_to "permessage-deflate; client_no_context_takeover")
    assert.equal("permessage-deflate; server_max_window_bits=10",
                 answer_to "permessage-deflate; server_max_window_bits=10")
    assert.equal("permessage-deflate; server_max_window_bits=15",
                 answer_to "permessage-deflate; server_max_window_bits=15")
    assert.equal("permessage-deflate; client_max_window_bits=10",
                 answer_to "permessage-deflate; client_max_window_bits=10")
  end)

  it("adds its own demands", function()
    assert.equal("permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                 .. "server_max_window_bits=11",
                 answer_to("permessage-deflate",
                           { takeover = false, peer_takeover = false, window = 11 }))
    assert.equal("permessage-deflate; client_max_window_bits=9",
                 answer_to("permessage-deflate; client_max_window_bits", { peer_window = 9 }))
  end)

  it("takes the smaller of two windows", function()
    assert.same(agreed(10, 12, true, true),
                choose("permessage-deflate; server_max_window_bits=10; client_max_window_bits=14",
                       { window = 11, peer_window = 12 }))
    assert.same(agreed(11, 12, true, true),
                choose("permessage-deflate; server_max_window_bits=14; client_max_window_bits=12",
                       { window = 11, peer_window = 13 }))
  end)

  it("agrees to windows of 256 bytes", function()
    local got, answer = choose("permessage-deflate; server_max_window_bits=8; "
                               .. "client_max_window_bits=8")
    assert.same(agreed(8, 8, true, true), got)
    assert.equal("permessage-deflate; server_max_window_bits=8; client_max_window_bits=8", answer)
  end)

  it("skips an offer that does not let it limit the client's window", function()
    assert_passed_over("permessage-deflate", { peer_window = 14 })
    assert.equal("permessage-deflate; client_max_window_bits=14",
                 answer_to("permessage-deflate, permessage-deflate; client_max_window_bits",
                           { peer_window = 14 }))
  end)

  for _, case in ipairs(illegal) do
    it("passes over " .. case[1], function() assert_passed_over(case[2]) end)
  end

  it("chooses the first that it can accept, of several headers too", function()
    local second = "permessage-deflate; server_max_window_bits=9"
    local third = "permessage-deflate; server_max_window_bits=12"
    for _, offers in ipairs {
      { second .. ", " .. third },
      { "foo; bar=1, " .. second .. "," .. third },
      { "permessage-deflate; foo, " .. second, third },
      { "x-other", "permessage-deflate; server_max_window_bits=99", second, third },
    } do
      assert.equal(second, answer_to(offers))
    end
  end)

  it("fails for a syntax error, before or after a good header", function()
    for _, offer in ipairs(malformed) do
      for _, offers in ipairs { { offer }, { "permessage-deflate", offer },
                                { offer, "permessage-deflate" },
                                { "permessage-deflate, " .. offer } } do
        local ok, token, detail = choose(offers)
        assert.is_nil(ok)
        assert.equal("handshake", token)
        assert.matches("Sec-WebSocket-Extensions is not a list", detail, 1, true)
      end
    end
  end)
end)

describe("both of our roles", function()
  local values = { 9, 12, 15 }
  local flags = { true, false }

  local function each(visit)
    for _, window in ipairs(values) do
      for _, peer_window in ipairs(values) do
        for _, takeover in ipairs(flags) do
          for _, peer_takeover in ipairs(flags) do
            visit { window = window, peer_window = peer_window, takeover = takeover,
                    peer_takeover = peer_takeover }
          end
        end
      end
    end
  end

  it("agree on the same, whatever each wants", function()
    local count = 0
    each(function(client)
      local offer = protocol.deflateoffer(client)
      each(function(server)
        local theirs, answer = choose(offer, server)
        local ours = assert(protocol.deflatecheck(answer, client))
        assert.same(agreed(theirs.peer_window, theirs.window, theirs.peer_takeover,
                           theirs.takeover), ours)
        assert.is_true(ours.window <= client.window and ours.window <= server.peer_window)
        assert.is_true(ours.peer_window <= client.peer_window
                       and ours.peer_window <= server.window)
        assert.equal(client.takeover and server.peer_takeover, ours.takeover)
        assert.equal(client.peer_takeover and server.takeover, ours.peer_takeover)
        count = count + 1
      end)
    end)
    assert.equal(36 * 36, count)
  end)
end)
