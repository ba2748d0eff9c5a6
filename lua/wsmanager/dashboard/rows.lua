-- Rows of connections: a page of them in an order, and all of one.
-- Depends on the core's order of connections, dispatch.lua, scheduler.lua and masking.lua.
-- Never looks at more connections than a page has, unless a word is searched for.

local core = require "wsmanager.core"
local codec = require "wsmanager.base.codec"
local dispatch = require "wsmanager.run.dispatch"
local each = require "wsmanager.base.each"
local masking = require "wsmanager.base.masking"
local scheduler = require "wsmanager.run.scheduler"
local url = require "wsmanager.base.url"

local link = core.link
local records = dispatch.records

local LONGEST = 300        -- bytes of a text of others

local rows = {}

-- What the order can go by.
rows.orders = {
  age = true, buffered = true, unread = true, messages_in = true, messages_out = true,
  bytes_in = true, bytes_out = true, latency = true,
}

-- Text of others, on one line, without what is named as a secret.
local function show (text)
  if text == nil then return "" end
  text = tostring(text)
  local cut = text:sub(1, LONGEST)
  return masking.line(masking.prose(cut, #cut < #text)) .. (#cut < #text and "…" or "")
end

rows.show = show

-- The request of a server's connection; nil: it is a client's.
local function request_of (record)
  return record.exchange and record.exchange.request
end

-- A path of a request may have a secret behind the question mark.
local function path_of (request)
  return show((request.target:gsub("%?.*", "")))
end

local function call_label (label, ws, request)
  local ok, text = pcall(label, ws, request)
  return ok and text ~= nil and show(text) or ""
end

local function label_of (self, ws, record)
  local request = request_of(record)
  if request then return self.label and call_label(self.label, ws, request) or "" end
  return self.client_names and self.client_names[record.id] or ""
end

-- How it failed or ended last; "" where it has not.
local function last_error (record)
  local ending = record.ending
  if ending.detail then return show(ending.detail) end
  if not ending.code then return "" end
  local reason = ending.reason ~= "" and ": " .. tostring(ending.reason) or ""
  return "close " .. ending.code .. show(reason)
end

local function to_row (self, ws, record)
  local stats, request = link.stats(ws), request_of(record)
  return {
    id = record.id, state = ws.state, label = label_of(self, ws, record),
    address = stats.address, agent = request and show(request.headers["user-agent"]) or nil,
    url = not request and show(url.redacted(ws.url)) or nil,
    age = stats.age or -1, buffered = stats.buffered, unread = stats.unread,
    messages_in = stats.messages_in, messages_out = stats.messages_out,
    bytes_in = stats.bytes_in, bytes_out = stats.bytes_out,
    latency = stats.latency_smoothed or -1, outbox = stats.outbox, opens = stats.opens,
    error = last_error(record),
  }
end

-- ## A search

local function has (text, word)
  return text ~= nil and text:lower():find(word, 1, true) ~= nil
end

local function matches (self, ws, record, word)
  local request = request_of(record)
  if not request then
    return has(ws.url, word) or has(label_of(self, ws, record), word)
  end
  return has(request.address, word) or has(request.headers["user-agent"], word)
         or has(request.path, word)
         or self.label ~= nil and has(label_of(self, ws, record), word)
end

-- The ids of the connections in which the word is, rising.
local function search (self, role, word)
  local found = {}
  for id, ws in each(scheduler.connections) do
    local record = records[ws] or dispatch.record(ws)
    local is_wanted = record.accepted or role == "client" and not record.server
    if is_wanted and (role == "server") == (record.server ~= nil)
       and matches(self, ws, record, word)
    then
      found[#found + 1] = id
    end
  end
  table.sort(found)
  return found
end

-- ## A page

-- The names of the clients that the program gave, by id; nil: all are shown.
local function name_clients (self)
  if type(self.clients) ~= "table" then return nil end
  local by_id, ids = {}, {}
  for name, ws in each(self.clients) do
    local id = type(ws) == "userdata" and ws.id
    if id then
      by_id[id] = type(name) == "string" and show(name) or ""
      ids[#ids + 1] = id
    end
  end
  table.sort(ids)
  self.client_names = by_id
  return ids
end

-- Those of both lists, which rise.
local function both (one, other)
  local has_it, found = {}, {}
  for _, id in ipairs(other) do has_it[id] = true end
  for _, id in ipairs(one) do
    if has_it[id] then found[#found + 1] = id end
  end
  return found
end

-- A page: `ask` has role, order, ascending, skip, take, word ("": all). Its rows, and how
-- many there are in all.
function rows.page (self, ask)
  local only = ask.role == "client" and name_clients(self) or nil
  if ask.word ~= "" then
    local found = search(self, ask.role, ask.word)
    only = only and both(only, found) or found
  end
  local ids, count = core.rank(scheduler.loop(), {ask.role, ask.order, ask.ascending},
                               ask.skip, ask.take, only)
  local page = codec.array()
  for _, id in ipairs(ids) do
    local ws = scheduler.connections[id]
    if ws then page[#page + 1] = to_row(self, ws, dispatch.record(ws)) end
  end
  return page, count
end

-- ## One

-- The connection of that number, if the dashboard shows it, and its record.
function rows.find (self, id)
  local ws = scheduler.connections[id]
  local record = ws and dispatch.record(ws)
  if not ws or ws.state == "closed" then return nil end
  if record.server then return record.accepted and ws or nil, record end
  if not self.clients then return nil end
  if type(self.clients) == "table" then
    name_clients(self)
    if not self.client_names[id] then return nil end
  end
  return ws, record
end

local function add (list, name, value, unit)
  if value ~= nil and value ~= "" then
    list[#list + 1] = {name, value, unit or ""}
  end
end

local function add_request (list, request)
  add(list, "path", path_of(request))
  add(list, "host", show(request.host))
  add(list, "origin", show(request.origin))
  add(list, "agent", show(request.headers["user-agent"]))
end

-- Everything about one, as a list of { name, value, unit }: what opens under its row.
function rows.details (self, ws, record)
  local list, stats, request = codec.array(), ws:stats(), request_of(record)
  add(list, "address", stats.address)
  add(list, "label", label_of(self, ws, record))
  if request then add_request(list, request)
  else add(list, "url", show(url.redacted(ws.url))) end
  add(list, "subprotocol", show(ws.protocol))
  add(list, "extensions", show(ws.extensions))
  if stats.tls then add(list, "tls", stats.tls.version .. ", " .. stats.tls.cipher) end
  add(list, "age", stats.age, "s")
  add(list, "latency", stats.latency, "s")
  add(list, "latency, smoothed", stats.latency_smoothed, "s")
  add(list, "latency, p99", stats.latency_p99, "s")
  for _, name in ipairs {"buffered", "unread", "bytes_in", "bytes_out"} do
    add(list, name, stats[name], "B")
  end
  for _, name in ipairs {
    "messages_in", "messages_out", "outbox", "unacknowledged", "dropped", "uncertain",
    "heartbeats", "timeouts", "pauses", "opens", "dials", "failures",
  } do
    add(list, name, stats[name])
  end
  add(list, "last error", last_error(record))
  return list
end

-- How a server's connection ended, as a row.
function rows.ending (record)
  local ending, request = record.ending, request_of(record)
  return {
    id = record.id, at = core.walltime(), age = core.now() - record.exchange.at,
    address = request.address, agent = show(request.headers["user-agent"]),
    code = ending.code or 0, reason = show(ending.reason),
    clean = ending.clean == true, error = show(ending.detail),
  }
end

return rows
