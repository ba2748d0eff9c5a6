-- The option `compress`, with other clients and servers and with ours.
-- Runs once: zlib and C, the same under each Lua.

local wsmanager = require "wsmanager"
local bytes = require "support.bytes"
local peers = require "support.peers"

local LONG = 60      -- seconds: no spec waits so long unless it fails

local function text_of(n)
  local dice, list = bytes.dice(n + 1), {}
  for i = 1, n do list[i] = string.char(96 + dice(26)) end
  return table.concat(list)
end

local texts = { text_of(5), text_of(3000), "", text_of(3000), text_of(70000), text_of(40) }

-- Sends all, then receives all back.
local function exchange(ws)
  for i, text in ipairs(texts) do assert(ws:send(text, i % 2 == 0 and "binary" or "text")) end
  for i, text in ipairs(texts) do
    local data, kind = ws:receive(LONG)
    assert.is_true(data == text)
    assert.equal(i % 2 == 0 and "binary" or "text", kind)
  end
end

-- Every set of options that `compress` may take, as far as a peer sees them.
local function each_wish(visit)
  for _, window in ipairs { 9, 15 } do
    for _, peer_window in ipairs { 9, 15 } do
      for _, takeover in ipairs { true, false } do
        for _, peer_takeover in ipairs { true, false } do
          visit { window = window, peer_window = peer_window, takeover = takeover,
                  peer_takeover = peer_takeover, threshold = 0 }
        end
      end
    end
  end
end

-- The parameters that the peer offers for itself.
local parameters = {
  true,
  { server_no_context_takeover = true, client_no_context_takeover = true },
  { server_max_window_bits = 9, client_max_window_bits = 10 },
  { server_no_context_takeover = true, client_max_window_bits = 15 },
  { client_no_context_takeover = true, client_max_window_bits = 12 },
}

local function name_of(wanted)
  if wanted == true then return "its defaults" end
  local names = {}
  for name, value in pairs(wanted) do
    names[#names + 1] = value == true and name or name .. "=" .. value
  end
  table.sort(names)
  return table.concat(names, ", ")
end

describe("a client that compresses", function()
  after_each(peers.stop)

  for _, program in ipairs { "python_server", "node_server" } do
    for _, wanted in ipairs(parameters) do
      it("talks to " .. program .. " with " .. name_of(wanted) .. ", whatever it wants", function()
        local peer = peers.start(program, { compress = wanted })
        local agreed = 0
        wsmanager.run(function()
          each_wish(function(wish)
            local ws = wsmanager.new { url = "ws://127.0.0.1:" .. peer.port .. "/echo",
                                       compress = wish, reconnect = false }
            assert(ws:opened(LONG))
            if ws.extensions:find("^permessage%-deflate") then agreed = agreed + 1 end
            exchange(ws)
            ws:close(1000)
            assert.is_true((select(3, ws:closed(LONG))))
          end)
        end)
        assert.is_true(agreed > 0)
      end)
    end

    it("reads fragments of " .. program, function()
      local peer = peers.start(program, { compress = { server_no_context_takeover = false } })
      wsmanager.run(function()
        local ws = wsmanager.new { url = "ws://127.0.0.1:" .. peer.port .. "/chunks",
                                   compress = { threshold = 0 }, reconnect = false }
        assert(ws:opened(LONG))
        assert.matches("^permessage%-deflate", ws.extensions)
        for _ = 1, 3 do
          ws:send(texts[2])
          assert.is_true(ws:receive(LONG) == texts[2])
        end
        ws:close()
      end)
    end)
  end
end)

describe("a server that compresses", function()
  local server

  local function echo(ws)
    local data, kind = ws:receive()
    while data do
      ws:send(data, kind)
      data, kind = ws:receive()
    end
  end

  local function serve(wish)
    server = assert(wsmanager.serve { host = "127.0.0.1", handler = echo, compress = wish })
    return "ws://127.0.0.1:" .. server.port .. "/"
  end

  after_each(function()
    peers.stop()
    if server then server:stop(0) end
    server = nil
  end)

  local script = {}
  for i = 1, 3 do
    script[2 * i - 1], script[2 * i] = { "send", texts[2] }, { "receive" }
  end
  script[7], script[8] = { "fragments", { texts[2], texts[1], "", texts[2] } }, { "receive" }
  script[9] = { "close", 1000, "done" }
  script[10] = { "closed" }

  -- Turns the loop until the peer has ended; its events.
  local function watch(peer)
    local limit = wsmanager.now() + LONG
    local list
    repeat
      wsmanager.step(0.01)
      list = peer:events()
      local last = list[#list]
    until last and (last.event == "closed" or last.event == "failed")
          or wsmanager.now() > limit
    return list
  end

  local wishes = {
    true,
    { takeover = false, peer_takeover = false, threshold = 0 },
    { window = 9, peer_window = 9, threshold = 0 },
    { takeover = false, window = 12, peer_window = 11, threshold = 0, level = 9 },
  }

  for _, program in ipairs { "python_client", "node_client" } do
    for i, wish in ipairs(wishes) do
      it("talks to " .. program .. ", whatever both want (" .. i .. ")", function()
        local url = serve(wish)
        for _, wanted in ipairs(parameters) do
          local list = watch(peers.start(program,
            { url = url, compress = wanted, script = script }))
          local said = {}
          for _, event in ipairs(list) do
            if event.event == "message" then said[#said + 1] = event.text end
          end
          assert.equal("open", list[1].event)
          assert.matches("^permessage%-deflate", list[1].headers["sec-websocket-extensions"])
          assert.is_true(said[1] == texts[2] and said[2] == texts[2] and said[3] == texts[2])
          assert.is_true(said[4] == texts[2] .. texts[1] .. texts[2])
          assert.same({ "closed", 1000 }, { list[#list].event, list[#list].code })
        end
      end)
    end
  end

  it("works with a client of ours, whatever both want", function()
    local count = 0
    for _, theirs in ipairs(wishes) do
      local url = serve(theirs)
      wsmanager.run(function()
        each_wish(function(wish)
          local ws = wsmanager.new { url = url, compress = wish, reconnect = false }
          assert(ws:opened(LONG))
          assert.matches("^permessage%-deflate", ws.extensions)
          exchange(ws)
          ws:close()
          ws:closed(LONG)
          count = count + 1
        end)
      end)
      server:stop(0)
    end
    assert.equal(#wishes * 16, count)
  end)

  it("shows what was negotiated", function()
    local heard
    server = assert(wsmanager.serve {
      host = "127.0.0.1", compress = { takeover = false },
      handler = function(ws)
        heard = ws.extensions
        ws:close()
      end,
    })
    wsmanager.run(function()
      local ws = wsmanager.new { url = "ws://127.0.0.1:" .. server.port, compress = true,
                                 reconnect = false }
      ws:closed(LONG)
    end)
    assert.equal("permessage-deflate; server_no_context_takeover", heard)
  end)

  it("broadcasts to those that compress and those that do not", function()
    server = assert(wsmanager.serve { host = "127.0.0.1", handler = echo, compress = true })
    local got = {}
    wsmanager.run(function()
      local list = {}
      for i, wish in ipairs { true, false, { takeover = false } } do
        list[i] = wsmanager.new { url = "ws://127.0.0.1:" .. server.port, compress = wish,
                                  reconnect = false }
        assert(list[i]:opened(LONG))
        list[i]:send "here"
        assert.equal("here", (list[i]:receive(LONG)))
      end
      server:broadcast(texts[5])
      for i, ws in ipairs(list) do
        got[i] = ws:receive(LONG) == texts[5]
        ws:close()
      end
    end)
    assert.same({ true, true, true }, got)
  end)
end)

describe("the option compress", function()
  it("raises for wrong values", function()
    for path, bad in pairs {
      ["compress"] = "yes", ["compress.window"] = { window = 8 },
      ["compress.peer_window"] = { peer_window = 16 }, ["compress.level"] = { level = 10 },
      ["compress.takeover"] = { takeover = 1 }, ["compress.threshold"] = { threshold = -1 },
      ["compress.windows"] = { windows = 9 },
    } do
      assert.error_matches(function()
        wsmanager.new { url = "ws://127.0.0.1:9", compress = bad }
      end, "option '" .. path .. "'", 1, true)
    end
  end)
end)
