-- The server side of the chat: who comes in, rooms, presence.
-- Depends on server.lua, and on the files of this folder.
-- Never keeps a message itself: the history does.

local arguments = require "wsmanager.base.arguments"
local census = require "wsmanager.chat.census"
local core = require "wsmanager.core"
local coroutines = require "wsmanager.run.scheduler"
local each = require "wsmanager.base.each"
local gauges = require "wsmanager.base.gauges"
local member_of = require "wsmanager.chat.member"
local memory_history = require "wsmanager.chat.memory_history"
local message = require "wsmanager.chat.message"
local pauses_of = require "wsmanager.chat.pauses"
local relay = require "wsmanager.chat.relay"
local rooms_of = require "wsmanager.chat.rooms"
local serve_options = require "wsmanager.chat.serve_options"
local server = require "wsmanager.server"
local shape = require "wsmanager.chat.shape"

local action = message.action
local check_object = arguments.check_object

--- What `chat.serve` returns.
---@class chat.Server
---@field port integer          the port it listens on; 0 for a Unix socket
---@field path? string          of its Unix socket
---@field history chat.history  what it keeps messages in
local Server = {}
Server.__index = Server

local function uid_of (request)
  return request.path:match "^/ws/(.+)$"
end

local function devices (self, uid)
  return #(self.members[uid] or {})
end

-- The rooms of a user, where a function knows them.
local function ask_rooms (self, uid)
  if not self.ask then return end
  local own = self.ask(uid)
  self.rooms:check_all(own or {})
  for name in pairs(self.rooms:of(uid)) do
    if own == nil or own[name] == nil then self:room(name, nil) end
  end
  for name, members in pairs(own or {}) do self:room(name, members) end
end

local function authorize (self, request)
  local uid = uid_of(request)
  if not uid or shape.name_fault(uid) then
    return nil, 404, "There is no chat here\n"
  end
  local token = request.query.token
  if not token then return nil, 401, "A token is needed\n" end
  local ok, why, status = self.authenticate({
    uid = uid, token = token, mode = tonumber(request.query.mode),
    server = request.host,
  }, request)
  if ok ~= true then
    if ok then
      error("authenticate must return true, or nil and why; it returned a "
        .. type(ok), 0)
    elseif why ~= nil and type(why) ~= "string" then
      error("authenticate must return a string as its reason; it returned a "
        .. type(why), 0)
    end
    return nil, status or 403, (why or "That is not your token") .. "\n"
  end
  ask_rooms(self, uid)
  -- after all that may wait: nobody else comes in between
  if devices(self, uid) >= self.devices then
    return nil, 429, "Too many connections of this user\n"
  end
  return true, { ["Wsmanager-Chat"] = "1" }
end

-- ## Presence

local function announce (self, uid, is_online)
  if self.stopped then return end
  local notice = { action = action.presence, senderId = uid, online = is_online }
  for other in each(self.rooms:neighbours(uid)) do
    for _, member in ipairs(self.members[other] or {}) do
      member:notify("p" .. uid, notice)
    end
  end
end

-- Forgets rooms that a function named and in which nobody is any more.
local function forget_rooms (self, uid)
  if not self.ask then return end
  for name, room in pairs(self.rooms:of(uid)) do
    local is_empty = true
    for _, other in ipairs(room.members) do
      if self.shown[other] then is_empty = false end
    end
    if is_empty then
      self.rooms:remove(name)
      self.unacknowledged[name] = nil
    end
  end
end

local function is_gone (self, uid)
  if self.members[uid] or not self.shown[uid] then return end
  self.shown[uid] = nil
  announce(self, uid, false)
  forget_rooms(self, uid)
end

-- One wait for each user, however often he comes and goes meanwhile.
local function linger (self, uid)
  if self.linger == 0 then return is_gone(self, uid) end
  self.left_at[uid] = core.now()
  if self.lingering[uid] or self.stopped then return end
  self.lingering[uid] = true
  coroutines.spawn(function ()
    local left
    repeat
      left = self.left_at[uid] + self.linger - core.now()
    until left <= 0 or not self.pauses:sleep(left)
    self.lingering[uid], self.left_at[uid] = nil, nil
    is_gone(self, uid)
  end)
end

local function join (self, member)
  local uid = member.uid
  self.members[uid] = self.members[uid] or {}
  table.insert(self.members[uid], member)
  if self.shown[uid] then return end
  self.shown[uid] = true
  announce(self, uid, true)
end

local function leave (self, member)
  local list = self.members[member.uid] or {}
  for at, one in ipairs(list) do
    if one == member then table.remove(list, at) end
  end
  if #list > 0 then return end
  self.members[member.uid] = nil
  linger(self, member.uid)
end

-- ## A connection

local function sorted_names (rooms)
  local names = {}
  for name in pairs(rooms) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- Tells a member his rooms; from there on he gets their messages.
local function welcome (self, member)
  for _, name in ipairs(sorted_names(self.rooms:of(member.uid))) do
    local room = self.rooms:of(member.uid)[name]
    if room then
      local frame, token, why = relay.describe(self, room, member)
      if not frame then return relay.try_later(self, member, token, why) end
      if not member.ws:send(message.encode(frame)) then return nil end
      member:enter(name, frame.received)
    end
  end
  return member.ws:send(message.encode {
    action = action.welcome, store = self.history.id, senderId = member.uid,
  })
end

local function handle (self, ws, request)
  local member = member_of.new(uid_of(request), ws, relay.history_for(self, ws),
    function (one, token, why) relay.catch_up_later(self, one, token, why) end)
  join(self, member)
  ws.onclose = function () leave(self, member) end
  if ws.state ~= "open" then return leave(self, member) end
  if not welcome(self, member) then return end
  ws.ondrain = function () member:pump() end
  relay.give_orphans(self, member.uid)
  member:pump()
  local data, kind = ws:receive()
  -- what comes behind a frame that has closed it is not for us: order
  while data and ws.state == "open" do
    relay.handle(self, member, data, kind)
    data, kind = ws:receive()
  end
end

-- ## The server

-- Tells a connection of a room that is new, has changed, or is no longer his.
local function tell_room (self, member, name, room)
  local is_new = room and not member.rooms[name]
  if room then
    local frame, token, why = relay.describe(self, room, member)
    if not frame then return relay.try_later(self, member, token, why) end
    member:notify("m" .. name, frame)
    if is_new then member:enter(name, frame.received) end
    member:pump()
  elseif member.rooms[name] then
    member:leave(name)
    member:notify("m" .. name, { action = action.room, room = name, left = true })
  end
end

--- Adds a room, changes its members, or (without members) removes it; who is there
--- is told.
---@param name string  at most 128 bytes
---@param members? string[]  two or more users
function Server:room (name, members)
  check_object(self, Server, "server:room")
  if type(name) ~= "string" then
    arguments.fail(1, "#1 to 'room' (string", name)
  end
  local before = self.rooms.all[name]
  local after
  if members == nil then
    self.rooms:remove(name)
    self.unacknowledged[name] = nil
  else
    after = arguments.call_at_level(2, self.rooms.set, self.rooms, name, members)
  end
  if after == before then return end
  local touched = {}
  for _, room in ipairs { before or {}, after or {} } do
    for _, uid in ipairs(room.members or {}) do touched[uid] = true end
  end
  for uid in pairs(touched) do
    local room = after and after.has[uid] and after or nil
    for _, member in ipairs(self.members[uid] or {}) do
      tell_room(self, member, name, room)
    end
  end
end

--- Is somebody there, or was until a moment ago?
---@param uid string  his name
---@return boolean online
function Server:online (uid)
  check_object(self, Server, "server:online")
  if type(uid) ~= "string" then arguments.fail(1, "#1 to 'online' (string", uid) end
  return self.shown[uid] ~= nil
end

--- Closes all connections, as `server:stop` of `wsmanager.serve`; the history stays open.
---@param seconds? number  how long it waits at most; default: 5
function Server:stop (seconds)
  check_object(self, Server, "server:stop")
  seconds = arguments.timeout(1, "#1 to 'stop'", seconds)
  self.stopped = true
  gauges.remove(self)
  self.pauses:stop()
  self.server:stop(seconds)
end

--- A chat's server: tokens, rooms of two or more, presence, a history. It listens; an option
--- that is unknown, of a wrong type or missing raises.
---@param given chat.ServerOptions  at least `authenticate` and `rooms`
---@return chat.Server? server
---@return wsmanager.Token? token  as of `wsmanager.serve`
---@return string? detail  why
return function (given)
  if type(given) ~= "table" then
    arguments.fail(1, "#1 to 'serve' (table", given)
  end
  arguments.call_at_level(2, serve_options.check, given)
  local history = given.history or memory_history()
  local self = setmetatable({
    history = history, rooms = rooms_of.new(), members = {}, shown = {},
    unacknowledged = {}, orphans = {}, lingering = {}, left_at = {},
    pauses = pauses_of.new(),
    authenticate = given.authenticate, accept = given.accept,
    onframe = given.onframe, onerror = given.onerror, linger = given.linger or 5,
    devices = given.devices or 8,
    acknowledge = given.acknowledge or history.durable and "stored" or "received",
  }, Server)
  if type(given.rooms) == "function" then
    self.ask = given.rooms
  else
    arguments.call_at_level(2, self.rooms.set_all, self.rooms, given.rooms)
  end
  local for_server = serve_options.for_server(given)
  for_server.authorize = function (request) return authorize(self, request) end
  for_server.handler = function (ws, request) return handle(self, ws, request) end
  local made, token, detail =
    arguments.call_at_level(2, server.serve, for_server)
  if not made then return nil, token, detail end
  self.server, self.port, self.path = made, made.port, made.path
  gauges.add(self, census.of)
  return self
end
