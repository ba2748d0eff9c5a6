-- cjson.lua URL SIZE INFLIGHT WARM SECONDS: lua-cjson alone, decoding and
-- encoding the message of the JSON load; no socket at all.

local core = require "wsmanager.core"
local lap = require "lap"

lap.now = core.now

local cjson = require "cjson".new()
local decode, encode = cjson.decode, cjson.encode
local chat = lap.chat()
local text = encode(chat)
local watch = lap.new(1024, tonumber(arg[4]), tonumber(arg[5]))

repeat
  for _ = 1, watch.stride do
    decode(text)
    encode(chat)
  end
until watch:passed()
