-- The frames of a chat, and the check of a message.
-- Depends on shape.lua, and on codec.lua, for JSON.
--
-- Text frames are JSON objects with an `action` (the seed's chatAction):
--   {"action":2,"type":1,"id":…,"content":…,"senderId":…,"sendTime":…}   send
--   {"action":1,"id":…,"senderId":…}     received: the receipt for a message or for a `read`
--   {"action":3,"id":…,"senderId":…}     read
--   {"action":4}                         heart
-- and, between chat.serve and its clients (docs/how-to/chat.md):
--   {"action":5,"of":2,"id":…,"room":…,"seq":…}   stored: the server keeps it
--   {"action":6,"of":2,"id":…,"why":…}            refused
--   {"action":7,"room":…,"typing":true}           typing
--   {"action":8,"senderId":…,"online":true}       presence
--   {"action":9,"id":…,"room":…,"before":…}       history: asked, and the end of an answer
--   {"action":10,"room":…,"members":[…], …}       room
--   {"action":11}                                 welcome
-- A picture's bytes travel in one binary frame: such a JSON object on one line,
-- a line feed, the bytes. Its `content` is the picture's name.

local codec = require "wsmanager.base.codec"
local each = require "wsmanager.base.each"
local shape = require "wsmanager.chat.shape"

local json = codec.json()
local null = codec.null()

---@enum chatTypes
local chatTypes = { doctor = 1, customer = 2 }

---@enum chatAction
local chatAction = { received = 1, send = 2, read = 3, heart = 4 }

--- The frames of a chat: those of the seed, and what the server of chat.serve and
--- its clients tell each other beside them.
---@enum chat.action
local action = {
  received = 1, send = 2, read = 3, heart = 4, stored = 5, refused = 6,
  typing = 7, presence = 8, history = 9, room = 10, welcome = 11,
}

---@enum messageType
local messageType = { text = 1, img = 2 }

---@enum wsState
local wsState = { CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3 }

--- A message. On the wire it is JSON with `"action":2`; the bytes of a picture go in one binary
--- message: the JSON in one line, a line feed, the bytes. Other fields are allowed.
---@class Message
---@field id string           at most 128 bytes
---@field content string      the text; a picture's URL or its name
---@field senderId string     at most 128 bytes
---@field sendTime number     milliseconds since 1970
---@field type? messageType   1: a text, 2: a picture
---@field bytes? string       a picture sent as bytes
---@field receiverId? string  whom it is for, when the server asks
---@field room? string        with `chat.serve`: the room
---@field seq? integer        with `chat.serve`: its number in the room
---@field [string] any        more fields

--- A list of messages; fields beside the list are allowed.
---@class Messages
---@field [integer] Message  each
---@field [string] any       more fields

--- Checks the shape of a message, and raises for a wrong one; other fields are allowed.
---@param value table  what may be a message
---@return Message message  the same table
local function Message (value)
  local wrong = shape.message_fault(value)
  if wrong then error("bad argument #1 to 'Message' (" .. wrong .. ")", 2) end
  return value
end

--- Checks a list of messages, and raises for a wrong one; fields beside the list are allowed.
---@param value table  what may be a list of messages
---@return Messages messages  the same table
local function Messages (value)
  if type(value) ~= "table" then
    error("bad argument #1 to 'Messages' (table expected, got "
      .. type(value) .. ")", 2)
  end
  for i, message in ipairs(value) do
    local wrong = shape.message_fault(message)
    if wrong then
      error(("bad argument #1 to 'Messages' (at %d: %s)"):format(i, wrong), 2)
    end
  end
  return value
end

--- A receipt, or another frame of a chat, decoded.
---@class chat.frame
---@field action chat.action   what it is
---@field id? string           of what it is about
---@field senderId? string     who tells it
---@field receiverId? string   whom it is for
---@field why? string          of a refusal

local function to_json (value)
  local text, why = json.encode(value)
  if not text then error(why, 0) end
  return text
end

--- Raises, without a position, for what JSON cannot hold.
---@param frame table
---@return string data, "text"|"binary" kind
local function encode (frame)
  local bytes = frame.bytes
  if not bytes then return to_json(frame), "text" end
  local header = {}
  for name, value in each(frame) do
    if name ~= "bytes" then header[name] = value end
  end
  return to_json(header) .. "\n" .. bytes, "binary"
end

local function split (data, kind)
  if kind ~= "binary" then return data end
  local feed = data:find("\n", 1, true)
  if not feed then return data end
  return data:sub(1, feed - 1), data:sub(feed + 1)
end

-- A field that is null counts as one that is not there.
local function drop_nulls (frame)
  for name, value in each(frame) do
    if value == null then frame[name] = nil end
  end
  return frame
end

-- Bytes of the messages that frames were decoded from.
local sizes = setmetatable({}, { __mode = "k" })

---@param data string
---@param kind "text"|"binary"
---@return chat.frame|nil, string|nil why
local function decode (data, kind)
  local header, bytes = split(data, kind)
  local ok, frame = pcall(json.decode, header)
  if not ok then return nil, tostring(frame) end
  if type(frame) == "table" then drop_nulls(frame) end
  local wrong = shape.frame_fault(frame)
  if wrong then return nil, wrong end
  frame.bytes = bytes
  sizes[frame] = #data
  return frame
end

-- How many bytes a frame had on the wire.
local function size (frame) return sizes[frame] or 0 end

return {
  chatTypes = chatTypes, chatAction = chatAction, action = action,
  messageType = messageType,
  wsState = wsState, Message = Message, Messages = Messages,
  encode = encode, decode = decode, size = size, fault = shape.message_fault,
}
