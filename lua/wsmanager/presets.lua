-- What public services ask of their clients, as options; each says where the service
-- documents it. `preset = wsmanager.presets.discord`: own options win.
-- Depends on suggest.lua. Never has more than the groups heartbeat, reconnect, rate and
-- limits.

local suggest = require "wsmanager.base.suggest"

--- What public services ask of their clients, as plain tables: print them, copy them, change the
--- copies. Another name raises. A rate is that of one `ws`: where a service counts all
--- connections of an account together, give each its part.
---@class wsmanager.Presets
---
--- The gateway: Developer Documentation, "Gateway" and "Gateway close event codes". Its HELLO
--- names the interval: `ws:heartbeat { interval = i, timeout = 2 * i }`. `reconnect.rate` counts
--- each attempt of one connection; Discord counts the IDENTIFY of the whole bot, all shards
--- together, and no RESUME.
---@field discord wsmanager.Preset
---
--- Socket Mode: API documentation, "Using Socket Mode"; the 30 s are its own node client's. A
--- URL is for one connection: give a function as `url`.
---@field slack wsmanager.Preset
---
--- EventSub: Developers' documentation, "Handling WebSocket Events".
---@field twitch wsmanager.Preset
---
--- IRC over WebSocket: Developers' documentation, "Twitch Chat & Chatbots", the rate limits of
--- who is neither broadcaster, moderator nor VIP. They are an account's; these are a
--- connection's.
---@field twitch_chat wsmanager.Preset
local presets = setmetatable({}, {__index = function (self, name)
  local hint = type(name) == "string" and suggest.hint(name, self) or ""
  error("there is no preset '" .. tostring(name) .. "'" .. hint, 2)
end})

-- Discord, Developer Documentation, "Gateway": 120 events in 60 seconds, of 4096
-- bytes each; the first heartbeat after a random part of HELLO's interval, then
-- always, and the connection is dead if none was acknowledged until the next; 1000
-- IDENTIFY in 24 hours. "Gateway close event codes": those without reconnect. HELLO
-- names the interval: ws:heartbeat { interval = i, timeout = 2 * i }.
presets.discord = {
  heartbeat = {mode = "always", jitter = 1, interval = 41.25, timeout = 82.5},
  reconnect = {
    never = {4004, 4010, 4011, 4012, 4013, 4014},
    rate = {1000, per = 86400},
  },
  rate = {120, per = 60, reserve = 5},
  limits = {send = 4096},
}

-- Slack, API documentation, "Using Socket Mode": Slack closes connections from time
-- to time, and a URL is for one connection: `url` is a function that calls
-- apps.connections.open. Its own node client (@slack/socket-mode) counts a connection
-- as dead 30 seconds after the last ping of the server.
presets.slack = {
  heartbeat = {interval = 20, timeout = 30},
  reconnect = {delay = 1, pause = 0},
}

-- Twitch, Developers' documentation, "Handling WebSocket Events": a client that sends
-- anything but pongs is closed (4001). A message comes at least every
-- keepalive_timeout_seconds, by default 10; whoever asks for more sets
-- heartbeat.silence to more.
presets.twitch = {
  heartbeat = {interval = false, timeout = false, silence = 15},
  reconnect = {pause = 0, never = {4001}},
}

-- Twitch, Developers' documentation, "Twitch Chat & Chatbots", rate limits of an
-- account: 20 messages in 30 seconds where it is neither broadcaster, moderator nor VIP
-- (there 100), 20 logins in 10. The server sends an IRC PING about every five minutes.
presets.twitch_chat = {
  reconnect = {rate = {20, per = 10}},
  rate = {20, per = 30},
}

return presets
