-- Peers that stall or cut in every phase of an open connection and of its close,
-- over real sockets, against our client and our server.
-- Runs once: C, the same under each Lua.

local echoes = require "support.echoes"
local peers = require "support.peers"
local wsmanager = require "wsmanager"

local SOON = 0.1        -- seconds: the deadlines of those that stall
local LATE = 60         -- and of those that do something

local stall, cut, shutdown, drain = { "stall" }, { "cut" }, { "shutdown" },
                                    { "drain" }

-- The head of a frame and some of its payload, as the peer of that role sends it.
local function part(role, first, n, payload)
  local masked = role == "server"
  return { "send", ("%02x%02x%s%s"):format(first, n + (masked and 128 or 0),
    masked and "00000000" or "", payload) }
end

-- Where the peer is when it goes: the steps that lead there.
local phases = {
  { "between messages", function(role)
    return part(role, 0x81, 1, "78"), { "frame" }
  end },
  { "in a frame's first byte", function() return { "send", "81" } end },
  { "in a long length", function(role)
    return { "send", role == "server" and "82ff0000" or "827f0000" }
  end },
  { "in a payload", function(role) return part(role, 0x82, 5, "616263") end },
  { "between fragments", function(role) return part(role, 0x01, 2, "6162") end },
  { "in a code point", function(role) return part(role, 0x01, 2, "e282") end },
  { "in a ping", function(role) return part(role, 0x89, 4, "6162") end },
  { "in its close frame", function(role) return part(role, 0x88, 2, "03") end },
}

-- How it goes, and what is heard of it.
local ways = {
  { "ends", { shutdown, drain }, "closed", "without a close frame" },
  { "resets", { cut }, "closed", "reset" },
  { "stalls", { stall }, "timeout", "sent nothing for 0.1 s" },
}

local function opened(role)
  if role == "client" then return { { "accept", "" } } end
  return { { "request", "/x" }, { "until", "\r\n\r\n" } }
end

local function script_of(role, steps, way)
  local script = opened(role)
  for _, list in ipairs { steps, way } do
    for _, one in ipairs(list) do script[#script + 1] = one end
  end
  return script
end

local function options_of(deadline)
  return {
    heartbeat = { interval = deadline / 3, timeout = deadline },
    timeouts = { close = deadline },
  }
end

-- What our client, or our server, told of its connection to that peer, with all
-- its deadlines so.
local function ending_of(deadline, role, script, handler)
  local options = options_of(deadline)
  if role == "client" then
    local peer = peers.start("scripted", { script = script })
    return echoes.visit({ "ws://127.0.0.1:" .. peer.port .. "/x" }, 1, options,
                        handler)[1]
  end
  local server, endings = echoes.serve(options, handler)
  peers.start("scripted", { script = script, connect = { port = server.port } })
  local last = wsmanager.now() + 60
  while not endings["/x"] do
    assert(wsmanager.now() < last, "the connection did not end")
    wsmanager.step(0.05)
  end
  server:stop(0)
  return endings["/x"]
end

for _, role in ipairs { "client", "server" } do
  describe("the peer of our open " .. role, function()
    after_each(peers.stop)

    for _, phase in ipairs(phases) do
      for _, way in ipairs(ways) do
        it(way[1] .. " " .. phase[1], function()
          local ending = ending_of(way[3] == "timeout" and SOON or LATE, role,
            script_of(role, { phase[2](role) }, way[2]))
          assert.equal(way[3], ending.token, ending.detail)
          assert.matches(way[4], ending.detail)
          assert.same({ 1006, "", false },
                      { ending.code, ending.reason, ending.clean })
        end)
      end
    end

    -- We close; our close frame is read first, or nothing is read at all.
    local answers = {
      { "ends instead of an answer", { { "frame" }, shutdown, drain },
        "closed", "without a close frame" },
      { "resets instead of an answer", { { "frame" }, cut }, "closed", "reset" },
      { "answers nothing", { { "frame" }, stall }, "timeout",
        "did not finish the close within 0.1 s" },
      { "answers half of a close frame",
        { { "frame" }, part(role, 0x88, 2, "03"), stall }, "timeout",
        "did not finish the close within 0.1 s" },
      { "sends data for ever instead of an answer",
        { { "frame" }, { "drip", (part(role, 0x81, 1, "78")[2]):rep(200), 0.01 } },
        "timeout", "did not finish the close within 0.1 s" },
    }
    for _, row in ipairs(answers) do
      it(row[1] .. " to our close", function()
        local ending = ending_of(row[3] == "timeout" and SOON or LATE, role,
          script_of(role, {}, row[2]), function(ws)
            ws:opened()
            ws:close(1000, "done")
          end)
        assert.equal(row[3], ending.token, ending.detail)
        assert.matches(row[4], ending.detail)
        assert.same({ 1006, "", false },
                    { ending.code, ending.reason, ending.clean })
      end)
    end
  end)
end
