-- The defaults that the reference names: that they are the code's.
-- Runs once: what it reads is the same under each Lua.

package.path = "scripts/?.lua;" .. package.path

local book = require "reference.book"
local facts = require "reference.facts"
local files = require "support.files"
local surface = require "reference.surface"
local types = require "reference.types"

local core = require "wsmanager.core".protocol.policy.defaults()
local load = loadstring or load

local _, _, made = book.make()
local db = made.db

local UNLIMITED = 2^53

local function seconds(name) return core[name] / 1000 end

-- 0, or no bound at all: "none".
local function or_none(value, factor)
  if value == 0 or value >= UNLIMITED then return "none" end
  return value / (factor or 1)
end

-- What a source says: the expression that the pattern captures.
local function source(path, pattern)
  local text = files.read(path):match(pattern)
  assert(text, path .. " has no " .. pattern)
  return assert(load("return " .. text))()
end

-- The constant of a line that may have a comment behind it.
local function constant(path, name)
  return source("lua/wsmanager/" .. path .. ".lua", "\nlocal " .. name .. " = ([%d%s*^.]+)")
end

local modes = { [0] = "either", "received", "sent", "always" }

local connection = {
  ["heartbeat.interval"] = seconds "heartbeat_interval_ms",
  ["heartbeat.mode"] = modes[core.heartbeat_mode],
  ["heartbeat.jitter"] = core.heartbeat_jitter,
  ["heartbeat.kind"] = core.heartbeat_binary and "binary" or "text",
  ["heartbeat.timeout"] = seconds "heartbeat_timeout_ms",
  ["heartbeat.silence"] = core.heartbeat_silence_ms ~= 0 and seconds "heartbeat_silence_ms",
  ["timeouts.open"] = seconds "open_ms",
  ["timeouts.login"] = seconds "login_ms",
  ["timeouts.close"] = seconds "close_ms",
  ["timeouts.request"] = constant("run/requests", "DEFAULT_TIMEOUT"),
  inbox = core.inbox_bytes,
  buffer = core.output_bytes,
  ["limits.message"] = core["limits.message"],
  ["limits.frame"] = or_none(core["limits.frame"]),
  ["limits.fragments"] = core["limits.fragments"],
  ["limits.header"] = core.header_bytes,
  ["limits.send"] = or_none(core.send_bytes),
  ["limits.body"] = core.body_bytes,
  ["limits.handshake"] = seconds "open_ms",
  compress = core.compress,
  ["compress.level"] = core["compression.level"],
  ["compress.window"] = core["compression.window"],
  ["compress.peer_window"] = core["compression.peer_window"],
  ["compress.takeover"] = core["compression.takeover"],
  ["compress.peer_takeover"] = core["compression.peer_takeover"],
  ["compress.threshold"] = core["compression.threshold"],
  stream = core.stream,
  inflate = core.inflate and "zlib-stream" or "none",
  ["tls.verify"] = source("src/lua/ltls.c", 'flag_option%(L, "verify", (%l+)%)'),
  ["tls.ask"] = source("src/lua/ltls.c", 'flag_option%(L, "ask", (%l+)%)'),
  -- without one it is the lowest that may be named
  ["tls.min"] = source("src/lua/ltls.c", '!min || strcmp%(min, ("1.%d")%) == 0%) return false'),
}

local client = {
  ["timeouts.ask"] = seconds "ask_ms",
  ["reconnect.delay"] = seconds "delay_ms",
  ["reconnect.max_delay"] = seconds "max_delay_ms",
  ["reconnect.factor"] = core.factor,
  ["reconnect.jitter"] = core.jitter,
  ["reconnect.pause"] = seconds "pause_ms",
  ["reconnect.after"] = core.after_ms == 0 and "never",
  ["reconnect.limit"] = core.budget ~= 2^32 - 1 and core.budget,
  ["reconnect.stable"] = seconds "stable_ms",
  ["reconnect.rate"] = or_none(core.attempt_limit),
  ["outbox.messages"] = core.outbox_messages,
  ["outbox.bytes"] = core.outbox_bytes,
  ["outbox.age"] = or_none(core.outbox_age_ms, 1000),
  ["outbox.full"] = core.outbox_drops_oldest and "oldest" or "reject",
  ["rate.reserve"] = core.rate_reserve,
  redirects = or_none(core.redirects),
}

for _, name in ipairs { "verify", "ask", "min" } do
  client["proxy_tls." .. name] = connection["tls." .. name]
end
for name, value in pairs(connection) do
  local group, field = name:match "^(%l+)%.(.+)$"
  if group == "heartbeat" or group == "limits" then
    client["preset." .. group .. "." .. field] = value
  end
  client[name] = value
end
local of_presets = {}
for name, value in pairs(client) do
  if name:find "^reconnect%." or name:find "^rate%." then of_presets["preset." .. name] = value end
end
for name, value in pairs(of_presets) do client[name] = value end

local server = {
  port = source("src/lua/lserver.c", 'wsm_config_count%(L, 2, "port", (%d+)%)'),
  fd = "none",    -- without one it listens on host and port, or on path
  backlog = source("src/lua/lserver.c", "define BACKLOG (%d+)"),
  connections = source("src/lua/lserver.c",
    'wsm_config_count%(L, 2, "connections", (%d+)%)') == 0 and "no limit",
}
for name, value in pairs(connection) do server[name] = value end

local fetch = {
  timeout = constant("fetch/request", "TIMEOUT"),
  redirects = constant("fetch/request", "REDIRECTS"),
  ["limits.body"] = constant("fetch/request", "BODY_LIMIT"),
  ["limits.header"] = constant("fetch/request", "HEADER_LIMIT"),
}
for _, name in ipairs { "tls", "proxy_tls" } do
  fetch[name .. ".verify"], fetch[name .. ".min"] = connection["tls.verify"], connection["tls.min"]
end

-- The table of a chat's defaults, as it stands in the source.
local function chat_defaults()
  local text = files.read "lua/wsmanager/chat.lua":match "\nlocal defaults = (%b{})"
  return assert(load("local message = { encode = function () end }\nlocal action = {}\nreturn "
    .. text))()
end

local of_chat = chat_defaults()
local chat = {
  mode = require "wsmanager.chat".chatTypes.doctor,
  secure = source("lua/wsmanager/chat.lua", "session%.secure == (false) and \"ws\"") == false,
  contacts = of_chat.contacts,
  ["outbox.messages"] = of_chat.outbox.messages, ["outbox.bytes"] = of_chat.outbox.bytes,
  ["history.messages"] = of_chat.history.messages, ["history.bytes"] = of_chat.history.bytes,
}

local chat_server = {
  linger = source("lua/wsmanager/chat/serve.lua", "given%.linger or (%d+)"),
  devices = source("lua/wsmanager/chat/serve.lua", "given%.devices or (%d+)"),
}

local dashboard = {
  close = not source("lua/wsmanager/dashboard.lua", "may_close = given%.close == (true)"),
}

-- By the class of the options.
local proofs = {
  ["wsmanager.Options"] = client, ["wsmanager.ServerOptions"] = server,
  ["wsmanager.FetchOptions"] = fetch, ["chat.options"] = chat,
  ["chat.ServerOptions"] = chat_server, ["wsmanager.DashboardOptions"] = dashboard,
}

-- ## What the annotations say

local units = { KiB = 2^10, MiB = 2^20 }

-- "131,072", "16 MiB", "\"either\"", "false": the value; anything else is words.
local function value_of(text)
  local number, unit = text:match "^([%d,.]+) ?(%a*)$"
  if number and (unit == "" or units[unit]) then
    return tonumber((number:gsub(",", ""))) * (units[unit] or 1)
  elseif text == "true" or text == "false" then
    return text == "true"
  end
  return text:match '^"([^"]*)"$' or text
end

-- Is it a number, a truth value or one word? Then its default is the code's, and not a
-- description.
local function has_value(of, default)
  if default:find '^"[^"]*"$' then return true end
  for _, each in ipairs(types.alternatives(of)) do
    local is = each.kind == "name" and (each.name == "number" or each.name == "integer"
      or each.name == "boolean" and default ~= "none")
    local is_other = each.kind == "fun" or each.kind == "name" and each.name == "string"
    if is_other then return false end
    if is then return true end
  end
  return false
end

local function each_option(class_name, rules, prefix, visit)
  for _, field in ipairs(surface.fields(db, class_name)) do
    local key = field.name:match "^%[(%d+)%]$"
    local rule = rules[key and tonumber(key) or field.name]
    if rule then
      local _, told = facts.of(field.text, field.remark)
      visit(prefix .. field.name, field, told.default)
      for _, each in ipairs(rule.fields and types.alternatives(field.type) or {}) do
        if db.classes[each.name] then
          each_option(each.name, rule.fields, prefix .. field.name .. ".", visit)
        end
      end
    end
  end
end

describe("a default of the reference", function()
  it("is the code's", function()
    local wrong, seen = {}, 0
    for _, options in ipairs(surface.options()) do
      local proved = proofs[options.class] or {}
      each_option(options.class, options.rules, "", function(path, field, default)
        local real = proved[path]
        if not default or default == "required" or default:find "^required" then return end
        if real == nil and has_value(field.type, default) then
          wrong[#wrong + 1] = ("%s: nothing proves that the default of '%s' is %s: read it from "
            .. "the code in spec/wsmanager/defaults_spec.lua"):format(field.at, path, default)
        elseif real ~= nil then
          seen = seen + 1
          if value_of(default) ~= real then
            wrong[#wrong + 1] = ("%s: '%s' is said to be %s, and is %s"):format(field.at, path,
              default, tostring(real))
          end
        end
      end)
    end
    assert.same({}, wrong)
    assert.is_true(seen > 100)
  end)
end)

-- ## Defaults of arguments and of small tables: "default: 1024" in a remark

local arguments = {
  ["wsmanager.SubscribeOptions.limit"] = constant("run/subscriptions", "DEFAULT_LIMIT"),
  ["wsmanager.TraceOptions.bytes"] = constant("trace", "BYTES"),
  ["Server:stop.seconds"] = constant("server", "STOP_TIMEOUT"),
  ["methods:history.timeout"] = source("lua/wsmanager/chat/contact_methods.lua",
    '"history", timeout%) or (%d+)'),
  ["return.given"] = source("lua/wsmanager/chat/memory_history.lua", "messages or (%d+)"),
}

describe("a default of an argument", function()
  it("is the code's", function()
    local wrong = {}
    local function check(key, at, text)
      text = text or ""
      local said = text:match "default: ([%d,.]+%d)" or text:match "default: (%d)"
      if not said then return end
      if arguments[key] == nil then
        wrong[#wrong + 1] = at .. ": nothing proves the default of " .. key
          .. ": read it from the code in spec/wsmanager/defaults_spec.lua"
      elseif value_of(said) ~= arguments[key] then
        wrong[#wrong + 1] = at .. ": the default of " .. key .. " is " .. arguments[key]
      end
    end
    for at in pairs(made.shown) do
      local entry = db.by_place[at]
      for _, param in ipairs(entry and entry.params or {}) do
        check(entry.name .. "." .. param.name, at, param.remark)
      end
    end
    for name, class in pairs(db.classes) do
      for _, field in ipairs(class.fields) do
        check(name .. "." .. field.name, field.at, (facts.of(field.text, field.remark)))
      end
    end
    assert.same({}, wrong)
  end)
end)
