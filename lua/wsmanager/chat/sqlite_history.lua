-- The history of rooms in a SQLite file: it survives the process, also one that was
-- killed. Its methods are those of memory_history.lua.
-- Depends on LuaSQL, which is loaded at the first use.
-- Never puts a peer's text into a statement but as a literal of `quote`.

local arguments = require "wsmanager.base.arguments"
local history_options = require "wsmanager.chat.history_options"
local optional = require "wsmanager.base.optional"
local shape = require "wsmanager.chat.shape"

---@class chat.sqlite_history : chat.history
local Sqlite = {}
Sqlite.__index = Sqlite

-- A batch of messages has at most so many bytes, and one message more.
local BATCH = 1024 * 1024

-- unread() counts no further.
local COUNTED = 1000

-- Of how many rooms the last number is known without asking again.
local KNOWN = 4096

-- Seconds to wait for another process that writes to the file.
local BUSY = 5

local VERSION = 1

local tables = {
  [[CREATE TABLE chat_meta (name TEXT PRIMARY KEY, value)]],
  [[CREATE TABLE chat_message (room, seq INTEGER, sender, id, kind INTEGER,
    size INTEGER, data, UNIQUE (room, sender, id))]],
  -- all that unread() and the bounds look at
  [[CREATE UNIQUE INDEX chat_place ON chat_message (room, seq, sender, size)]],
  [[CREATE TABLE chat_room (room PRIMARY KEY, last INTEGER)]],
  [[CREATE TABLE chat_mark (room, uid, received INTEGER, read INTEGER,
    PRIMARY KEY (room, uid))]],
}

-- ## Statements

local hex = {}
for byte = 0, 255 do hex[string.char(byte)] = ("%02x"):format(byte) end

-- A literal: text, or a blob where a text cannot hold it.
local function quote (value)
  if value:find("\0", 1, true) or value:find "[\128-\255]" and not shape.is_utf8(value) then
    return "x'" .. value:gsub(".", hex):gsub("\n", "0a") .. "'"
  end
  return "'" .. value:gsub("'", "''") .. "'"
end

local function integer (value) return ("%d"):format(value) end

-- Fills the places of a statement: ? with a literal, # with an integer.
local function fill (statement, ...)
  local values, at = { ... }, 0
  return (statement:gsub("[?#]", function (place)
    at = at + 1
    return place == "?" and quote(values[at]) or integer(values[at])
  end))
end

-- nil, "full", why for what SQLite refuses: a full disk, a file that is locked.
local function failure (why)
  return nil, "full", "the history: " .. tostring(why):gsub("^LuaSQL: ", "")
end

local function execute (self, statement, ...)
  if not self.connection then return failure "it is closed" end
  local result, why = self.connection:execute(fill(statement, ...))
  if not result then return failure(why) end
  if type(result) == "userdata" then result:close() end
  return true
end

-- Calls take(row) for each row until it returns false.
local function each_row (self, take, statement, ...)
  if not self.connection then return failure "it is closed" end
  local cursor, why = self.connection:execute(fill(statement, ...))
  if not cursor then return failure(why) end
  local row = cursor:fetch({}, "n")
  while row do
    if take(row) == false then break end
    row = cursor:fetch({}, "n")
  end
  if row then cursor:close() end    -- at its end it has closed itself
  return true
end

-- The first row, or an empty one; nil, token, detail.
local function one_row (self, statement, ...)
  local found = {}
  local ok, token, why = each_row(self, function (row)
    found = row
    return false
  end, statement, ...)
  if not ok then return nil, token, why end
  return found
end

-- An integer of Lua 5.3, whatever SQLite's driver made of it.
local function to_integer (value)
  local number = tonumber(value) or 0
  return math.tointeger and math.tointeger(number) or number
end

-- ## Messages

-- What is known of a room without asking again: its last number, how many bytes.
local function room_of (self, name)
  local room = self.rooms[name]
  if room then return room end
  local row, token, why = one_row(self, [[SELECT
    (SELECT last FROM chat_room WHERE room = ?),
    (SELECT MIN(seq) FROM chat_message WHERE room = ?),
    (SELECT SUM(size) FROM chat_message WHERE room = ?)]], name, name, name)
  if not row then return nil, token, why end
  local last = to_integer(row[1])
  room = {
    last = last, first = row[2] and to_integer(row[2]) or last + 1,
    bytes = to_integer(row[3]),
  }
  if self.known == KNOWN then self.rooms, self.known = {}, 0 end
  self.rooms[name], self.known = room, self.known + 1
  return room
end

local function to_entry (row)
  return {
    seq = to_integer(row[1]), sender = row[2], id = row[3],
    kind = to_integer(row[4]) == 1 and "text" or "binary", data = row[5],
  }
end

local COLUMNS = "SELECT seq, sender, id, kind, data FROM chat_message "

-- The messages of a statement, at most BATCH bytes and one more.
local function entries (self, statement, ...)
  local list, bytes = {}, 0
  local ok, token, why = each_row(self, function (row)
    local entry = to_entry(row)
    list[#list + 1], bytes = entry, bytes + #entry.data
    return bytes <= BATCH
  end, COLUMNS .. statement, ...)
  if not ok then return nil, token, why end
  return list
end

-- Forgets what is beyond the bounds; room.first and room.bytes follow.
local function trim (self, name, room)
  local first, bytes = room.first, room.bytes
  local by_count = room.last - self.messages + 1
  if first >= by_count and bytes <= self.bytes then return true end
  local ok, token, why = each_row(self, function (row)
    local seq = to_integer(row[1])
    if seq >= room.last or seq >= by_count and bytes <= self.bytes then
      return false
    end
    first, bytes = seq + 1, bytes - to_integer(row[2])
  end, "SELECT seq, size FROM chat_message WHERE room = ? ORDER BY seq", name)
  if not ok then return nil, token, why end
  ok, token, why = execute(self,
    "DELETE FROM chat_message WHERE room = ? AND seq < #", name, first)
  if not ok then return nil, token, why end
  room.first, room.bytes = first, bytes
  return true
end

-- Runs `change` in a transaction.
local function transact (self, change)
  local ok, token, why = execute(self, "BEGIN IMMEDIATE")
  if not ok then return nil, token, why end
  ok, token, why = change()
  if ok then ok, token, why = execute(self, "COMMIT") end
  if not ok then execute(self, "ROLLBACK") end
  return ok, token, why
end

local function insert (self, name, entry)
  return transact(self, function ()
    local ok, token, why = execute(self, [[INSERT INTO chat_message
      (room, seq, sender, id, kind, size, data) VALUES (?, #, ?, ?, #, #, ?)]],
      name, entry.seq, entry.sender, entry.id, entry.kind == "text" and 1 or 2,
      #entry.data, entry.data)
    if not ok then return nil, token, why end
    return execute(self, "INSERT OR REPLACE INTO chat_room VALUES (?, #)",
      name, entry.seq)
  end)
end

function Sqlite:append (name, sender, id, encode)
  local room, token, why = room_of(self, name)
  if not room then return nil, token, why end
  local known
  known, token, why = entries(self,
    "WHERE room = ? AND sender = ? AND id = ?", name, sender, id)
  if not known then return nil, token, why end
  if known[1] then return known[1], false end
  local entry = { seq = room.last + 1, sender = sender, id = id }
  entry.data, entry.kind = encode(entry.seq)
  local ok
  ok, token, why = insert(self, name, entry)
  if not ok then
    self.rooms[name] = nil    -- another process may have written to it
    return nil, token, why
  end
  room.last, room.bytes = entry.seq, room.bytes + #entry.data
  trim(self, name, room)
  return entry, true
end

function Sqlite:range (name)
  local room, token, why = room_of(self, name)
  if not room then return nil, token, why end
  return room.first, room.last
end

function Sqlite:after (name, seq, limit, but)
  if but then
    return entries(self, [[WHERE room = ? AND seq > # AND sender <> ?
      ORDER BY seq LIMIT #]], name, seq, but, limit)
  end
  return entries(self, "WHERE room = ? AND seq > # ORDER BY seq LIMIT #",
    name, seq, limit)
end

function Sqlite:before (name, seq, limit)
  local list, token, why = entries(self,
    "WHERE room = ? AND seq < # ORDER BY seq DESC LIMIT #", name, seq, limit)
  if not list then return nil, token, why end
  local count = #list
  for at = 1, math.floor(count / 2) do
    list[at], list[count - at + 1] = list[count - at + 1], list[at]
  end
  return list
end

function Sqlite:where (name, sender, id)
  local row, token, why = one_row(self, [[SELECT seq FROM chat_message
    WHERE room = ? AND sender = ? AND id = ?]], name, sender, id)
  if not row then return nil, token, why end
  return row[1] and to_integer(row[1])
end

-- ## Marks

function Sqlite:marks (name)
  local all = {}
  local ok, token, why = each_row(self, function (row)
    all[row[1]] = { received = to_integer(row[2]), read = to_integer(row[3]) }
  end, "SELECT uid, received, read FROM chat_mark WHERE room = ?", name)
  if not ok then return nil, token, why end
  return all
end

local marked = {
  received = [[UPDATE chat_mark SET received = # WHERE room = ? AND uid = ?]],
  read = [[UPDATE chat_mark SET read = # WHERE room = ? AND uid = ?]],
}

function Sqlite:mark (name, uid, kind, seq)
  local row, token, why = one_row(self, [[SELECT received, read FROM chat_mark
    WHERE room = ? AND uid = ?]], name, uid)
  if not row then return nil, token, why end
  local old = row[kind == "received" and 1 or 2]
  if old and to_integer(old) >= seq then return false end
  if not old then
    local ok
    ok, token, why = execute(self,
      "INSERT INTO chat_mark VALUES (?, ?, 0, 0)", name, uid)
    if not ok then return nil, token, why end
  end
  return execute(self, marked[kind], seq, name, uid)
end

function Sqlite:unread (name, uid)
  local row, token, why = one_row(self, [[SELECT COUNT(*) FROM (SELECT 1 FROM
    chat_message m JOIN chat_mark k ON k.room = m.room AND k.uid = ?
    WHERE m.room = ? AND m.seq > k.read AND m.seq <= k.received
    AND m.sender <> ? LIMIT #)]], uid, name, uid, COUNTED)
  if not row then return nil, token, why end
  return to_integer(row[1])
end

--- Closes the file.
function Sqlite:close ()
  if not self.connection then return end
  self.connection:close()
  self.environment:close()
  self.connection = nil
end

-- ## Opening

local function create (self)
  for _, statement in ipairs(tables) do
    local ok, token, why = execute(self, statement)
    if not ok then return nil, token, why end
  end
  local ok, token, why = execute(self,
    "INSERT INTO chat_meta VALUES ('id', ?)", shape.unique())
  if not ok then return nil, token, why end
  return execute(self, "PRAGMA user_version = #", VERSION)
end

local function prepare (self, sync)
  local ok, token, why = execute(self, "PRAGMA journal_mode = WAL")
  if not ok then return nil, token, why end
  ok, token, why = execute(self, "PRAGMA synchronous = #", sync and 2 or 1)
  if not ok then return nil, token, why end
  local row
  row, token, why = one_row(self, "PRAGMA user_version")
  if not row then return nil, token, why end
  local version = to_integer(row[1])
  if version == 0 then
    ok, token, why = transact(self, function () return create(self) end)
    if not ok then return nil, token, why end
  elseif version ~= VERSION then
    return failure(("the file is of version %d, this is %d")
      :format(version, VERSION))
  end
  row, token, why = one_row(self, "SELECT value FROM chat_meta WHERE name = 'id'")
  if not row then return nil, token, why end
  self.id = row[1]
  return true
end

-- LuaSQL; raises a sentence, without a position, where it is not installed.
local function driver ()
  local ok, luasql = optional.load "luasql.sqlite3"
  if ok then return luasql end
  error("a history in SQLite needs LuaSQL (Debian, for Lua 5.1 to 5.4 and "
    .. "LuaJIT: apt-get install lua-sql-sqlite3; elsewhere: luarocks install "
    .. "luasql-sqlite3)", 0)
end

--- A history in a file. `sync`: a message is on the disk before it is confirmed, so
--- that a power failure loses none, either; without it only the end of the process
--- is survived. One process at a time serves from a file.
---@param given {file: string, messages: integer?, bytes: integer?, sync: boolean?}  of each room: 100,000 and 256 MiB
---@return chat.history? history
---@return wsmanager.Token? token  "refused": the file cannot be opened, or is none of this
---@return string? detail  why
return function (given)
  arguments.call_at_level(2, history_options.check, given, "sqlite")
  local luasql = arguments.call_at_level(2, driver)
  local environment = luasql.sqlite3()
  local connection, why = environment:connect(given.file, BUSY * 1000)
  if not connection then return nil, "refused", given.file .. ": " .. why end
  local self = setmetatable({
    durable = true, rooms = {}, known = 0, environment = environment,
    connection = connection, messages = given.messages or 100000,
    bytes = given.bytes or 256 * 1024 * 1024,
  }, Sqlite)
  local ok, _, detail = prepare(self, given.sync)
  if ok then return self end
  self:close()
  return nil, "refused", given.file .. ": "
    .. tostring(detail):gsub("^the history: ", "")
end
