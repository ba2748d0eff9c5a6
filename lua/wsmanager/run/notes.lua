-- What happened to a connection, taken from the core and handed to who looks: log.lua,
-- trace.lua.
-- Depends on the core's link and scheduler.lua.
-- Never there for a connection that nobody looks at.

local core = require "wsmanager.core"
local scheduler = require "wsmanager.run.scheduler"
local sentences = require "wsmanager.run.sentences"
local url = require "wsmanager.base.url"

local link = core.link

local AT_ONCE = 256   -- notes of one connection, then the others have their turn

local notes = {AT_ONCE = AT_ONCE}

---@class wsmanager.Record
---@field log? wsmanager.Log      option log
---@field sinks? wsmanager.Sink[]  who looks, the latest first; a list is never changed
---@field memory? table           of sentences.lua and trace.lua, while somebody does
---@field observe? fun(ws, record)  takes the notes
---@field writes_note? true       one is being written: its sinks are called

---@class wsmanager.Sink
---@field keep integer   bytes of each frame's payload; 0: no frames
---@field write fun(ws, record, note: wsmanager.Note)  raises nothing, and does not wait

---@class wsmanager.Note
---@field kind string    of src/lua/observe/lnotes.c
---@field at number      seconds, of wsmanager.now()
---@field a number
---@field b number
---@field text string
---@field level? string|false  of its sentence, once somebody asked
---@field sentence? string
---@field fields? table

-- Level, text and values of a note, the same for all who look; nothing for one that is
-- no sentence.
function notes.sentence (record, note)
  if note.level == nil then
    local sentence = sentences[note.kind]
    note.level, note.sentence, note.fields = false, nil, nil
    if sentence then
      note.level, note.sentence, note.fields = sentence(note, record.memory)
    end
  end
  return note.level, note.sentence, note.fields
end

-- Who looks may stop at each note, or have another one look: that one begins with the
-- next note.
local function write (ws, record, note)
  local sinks = record.sinks
  record.writes_note = true
  for i = #sinks, 1, -1 do sinks[i].write(ws, record, note) end
  record.writes_note = nil
end

-- The oldest note of a connection, or of a server's connections without a request.
function notes.take (ws)
  local kind, at, a, b, text = link.notes(ws)
  if not kind then return nil end
  return {kind = kind, at = at, a = a, b = b, text = text}
end

-- Answers the core's event "notes".
local function observe (ws, record)
  for _ = 1, AT_ONCE do
    local note = notes.take(ws)
    if not note then return end
    write(ws, record, note)
  end
  scheduler.schedule(record.id)
end

-- Has the core note what the sinks want: also where the connection is another one.
function notes.refresh (ws, record)
  local keep = 0
  for _, sink in ipairs(record.sinks or {}) do keep = math.max(keep, sink.keep) end
  local any = record.sinks ~= nil and #record.sinks > 0
  record.observe = any and observe or nil
  link.observe(ws, any, keep)
end

-- What the notes before would have said: a server's connection is there already.
local function new_memory (ws, record)
  local address = link.stats(ws).address
  return {
    address = address ~= "" and address or nil, is_server = record.server ~= nil,
    url = ws.url ~= "" and url.redacted(ws.url) or nil,
  }
end

-- The list with that sink before the others, or without it.
local function copy_with (sinks, sink)
  local copy = {sink}
  for _, each in ipairs(sinks or {}) do copy[#copy + 1] = each end
  return copy
end

local function copy_without (sinks, sink)
  local copy = {}
  for _, each in ipairs(sinks) do
    if each ~= sink then copy[#copy + 1] = each end
  end
  return copy
end

function notes.attach (ws, record, sink)
  record.sinks = copy_with(record.sinks, sink)
  record.memory = record.memory or new_memory(ws, record)
  notes.refresh(ws, record)
end

-- Writes what was noted until now, and nothing that is noted by that.
local function write_all (ws, record)
  local all, n = {}, 0
  local note = notes.take(ws)
  while note do
    n = n + 1
    all[n] = note
    note = notes.take(ws)
  end
  for i = 1, n do write(ws, record, all[i]) end
end

-- What was noted until now is written before; within a sink's function nothing more is.
function notes.detach (ws, record, sink)
  if not record.writes_note then write_all(ws, record) end
  record.sinks = copy_without(record.sinks, sink)
  notes.refresh(ws, record)
end

-- Who looks at one connection also looks at that which is to take its place.
function notes.inherit (ws, record, from)
  for _, sink in ipairs(from.sinks or {}) do notes.attach(ws, record, sink) end
end

return notes
