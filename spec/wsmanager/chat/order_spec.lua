-- Order over any number of cuts: two users write to each other through a proxy that
-- cuts their connections; nothing may be lost, doubled or out of order.
-- CHAT_CUTS=full takes 2,000 messages and 220 cuts; CHAT_SEED=… another seed.

local json = require "support.json"
if not json.is_there "the order of a chat" then return end

local wsmanager = require "wsmanager"
local chats = require "support.chats"
local peers = require "support.peers"

local is_full = os.getenv "CHAT_CUTS" == "full"
local seed = tonumber(os.getenv "CHAT_SEED") or 1

local MESSAGES = is_full and 1000 or 150      -- of each side
local CUTS = is_full and 220 or 30
local MINUTES = is_full and 9 or 1

-- What is wrong with what was heard.
local function judge (said, heard)
  local place, times = {}, {}
  local lost, doubled, disordered, last = 0, 0, 0, 0
  for at, content in ipairs(said) do place[content] = at end
  for _, message in ipairs(heard) do
    local at = place[message.content]
    times[at] = (times[at] or 0) + 1
    if times[at] > 1 then doubled = doubled + 1 end
    if at < last then disordered = disordered + 1 end
    last = math.max(last, at)
  end
  for at = 1, #said do
    if not times[at] then lost = lost + 1 end
  end
  return { lost = lost, doubled = doubled, disordered = disordered }
end

local perfect = { lost = 0, doubled = 0, disordered = 0 }

-- Says its lines, in bursts, connected or not.
local function say_all (talk, said, pad)
  for at = 1, MESSAGES do
    local content = talk.uid .. " says " .. at .. (" "):rep(at % 7 * pad)
    said[at] = content
    while not talk:text(content) do wsmanager.sleep(0.01) end
    if at % 10 == 0 then wsmanager.sleep(0.03) end
  end
end

local function all_heard (doctor, customer)
  return #doctor.heard >= MESSAGES and #customer.heard >= MESSAGES
end

local function play (server, join, proxy, pad)
  local doctor = join("7", { peer = "42", server = "127.0.0.1:" .. proxy.port })
  local customer = join("42", { peer = "7", server = "127.0.0.1:" .. proxy.port })
  local said = { doctor = {}, customer = {} }
  wsmanager.spawn(say_all, doctor, said.doctor, pad)
  wsmanager.spawn(say_all, customer, said.customer, pad)
  local deadline = wsmanager.now() + 60 * MINUTES
  while not all_heard(doctor, customer) and wsmanager.now() < deadline do
    wsmanager.sleep(0.05)
  end
  assert.same(perfect, judge(said.doctor, customer.heard))
  assert.same(perfect, judge(said.customer, doctor.heard))
  assert.is_true(doctor:settled(60))
  assert.is_true(customer:settled(60))
  assert.is_true(server.port > 0)
end

describe("the order of a chat", function ()
  after_each(peers.stop)

  -- `pad`: how much longer messages are, so that a slow link has them wait in the
  -- output, too.
  for _, case in ipairs {
    { moment = "stored", pad = 20, most = 6000 },
    { moment = "received", pad = 20, most = 6000 },
    { moment = "stored", pad = 3000, most = 150000, rate = 4000000 },
  } do
    it(("holds over %d messages of up to %d bytes and %d cuts (seed %d), confirmed "
      .. "when %s"):format(2 * MESSAGES, case.pad * 6 + 200, CUTS, seed, case.moment),
      chats.beside({ acknowledge = case.moment }, function (server, join)
        local proxy = peers.start("cutting_proxy", {
          target = server.port, seed = seed, faults = CUTS, least = 300,
          most = case.most, rate = case.rate,
        })
        play(server, join, proxy, case.pad)
        assert.same("cuts", (proxy:events()[1] or {}).event)
      end))
  end
end)
