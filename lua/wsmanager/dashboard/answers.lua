-- What the page of a dashboard asks for: figures, history and a table, as JSON.
-- Depends on history.lua, rows.lua, codec.lua, and a chat's server only where it is given.
-- Never answers with more rows than a page has.

local codec = require "wsmanager.base.codec"
local core = require "wsmanager.core"
local history = require "wsmanager.dashboard.history"
local hosting = require "wsmanager.run.hosting"
local rows = require "wsmanager.dashboard.rows"

local MOST = 100           -- rows of a page
local FEW = 25
local LONGEST_WORD = 100   -- bytes of what is searched for

local answers = {}

-- ## What is asked

local function to_count (text, default, most)
  local n = tonumber(text)
  if not n or n ~= n or n < 0 then return default end
  return math.min(math.floor(n), most)
end

local function read_ask (request)
  local q = request.query
  return {
    order = rows.orders[q.order] and q.order or "age",
    ascending = q.ascending == "1",
    skip = to_count(q.skip, 0, 1e9), take = math.max(1, to_count(q.take, FEW, MOST)),
    word = (q.word or ""):sub(1, LONGEST_WORD):lower(),
  }
end

-- ## Tables

local function chat_of (self)
  local chat = self.chat
  if type(chat) == "function" then chat = chat() end
  return type(chat) == "table" and chat.rooms and chat or nil
end

local tables = {}

function tables.server (self, ask)
  ask.role = "server"
  return rows.page(self, ask)
end

function tables.client (self, ask)
  if not self.clients then return codec.array(), 0 end
  ask.role = "client"
  return rows.page(self, ask)
end

function tables.ended (_, ask)
  local page, count = history.endings(ask.skip, ask.take)
  return codec.array(page), count
end

function tables.rooms (self, ask)
  local chat = chat_of(self)
  if not chat then return codec.array(), 0 end
  local census = require "wsmanager.chat.census"
  local page, count = census.rooms(chat, ask.skip, ask.take, ask.word)
  for _, room in ipairs(page) do room.name = rows.show(room.name) end
  return codec.array(page), count
end

-- ## Figures

local counted = {
  "opens", "attempts", "reconnects", "messages_in", "messages_out", "payload_in",
  "payload_out", "bytes_in", "bytes_out", "buffered", "waiting", "outbox",
  "unacknowledged", "full", "paused", "pauses", "timeouts", "heartbeats", "handshakes",
  "logins_failed", "uncertain", "unread",
}

local function figures (totals)
  local own = {open = totals.states.open, states = totals.states}
  for _, name in ipairs(counted) do own[name] = totals[name] end
  own.dropped = 0
  for _, count in pairs(totals.dropped) do own.dropped = own.dropped + count end
  return own
end

-- Counts of both roles by a key, as a sorted list of { key, count }, without zeros.
local function by_key (read)
  local sums, list = {}, codec.array()
  for _, totals in ipairs {history.servers, history.clients} do
    for key, count in pairs(read(totals)) do sums[key] = (sums[key] or 0) + count end
  end
  for key, count in pairs(sums) do
    if count > 0 then list[#list + 1] = {key, count} end
  end
  table.sort(list, function (a, b) return a[1] < b[1] end)
  return list
end

-- { class, how many we closed, how many the peer did }
local function closes ()
  local list = codec.array()
  for class, by in pairs(history.servers.closed) do
    local other = history.clients.closed[class]
    local own, remote = by["local"] + other["local"], by.remote + other.remote
    if own + remote > 0 then list[#list + 1] = {class, own, remote} end
  end
  table.sort(list, function (a, b) return a[1] < b[1] end)
  return list
end

local function add_figures (self, to)
  if not history.servers then return end     -- in the first round
  to.server, to.client = figures(history.servers), figures(history.clients)
  to.closed = closes()
  to.failed = by_key(function (totals) return totals.failed end)
  local chat = chat_of(self)
  if chat then to.chat = require "wsmanager.chat.census".of(chat) end
end

-- Everything that the page shows, once a second: `since` is the last sample that it has.
function answers.look (self, request, operator)
  local q = request.query
  local last, lists = history.since(to_count(q.since, 0, 2^52))
  local answer = {
    now = core.walltime(), title = self.title, operator = rows.show(operator),
    may_close = self.may_close, token = self.may_close and self.token or nil,
    has_clients = self.clients ~= nil, has_chat = chat_of(self) ~= nil,
    loop = hosting.describe(), lua = jit and jit.version or _VERSION,
    history = {
      run = history.run, last = last, names = history.names, values = lists,
      length = history.SAMPLES,
    },
  }
  for i, list in ipairs(lists) do lists[i] = codec.array(list) end
  add_figures(self, answer)
  local view = tables[q.view] and q.view or "server"
  local ask = read_ask(request)
  answer.view, answer.skip, answer.take = view, ask.skip, ask.take
  answer.rows, answer.count = tables[view](self, ask)
  return answer
end

return answers
