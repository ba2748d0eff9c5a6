-- wsmanager.dashboard: a page that shows how the connections of this Lua state are.
-- Depends on the files in dashboard/, on log.lua.
-- Never shows anything to whom the program's `authorize` has not let in, and changes
-- nothing unless the program has switched that on.

local answers = require "wsmanager.dashboard.answers"
local arguments = require "wsmanager.base.arguments"
local codec = require "wsmanager.base.codec"
local guard = require "wsmanager.dashboard.guard"
local history = require "wsmanager.dashboard.history"
local log = require "wsmanager.log"
local masking = require "wsmanager.base.masking"
local options = require "wsmanager.dashboard.options"
local page = require "wsmanager.dashboard.page"
local rows = require "wsmanager.dashboard.rows"

local REASON = "closed by an operator"

local function to_json (value)
  local text, why = codec.json().encode(value)
  if not text then error("the dashboard's figures cannot be written: " .. tostring(why), 0) end
  return 200, text, guard.headers "application/json"
end

-- ## What there is

local function to_number (text)
  local id = tonumber(text)
  return id and id == id and id >= 0 and id < 2^53 and id % 1 == 0 and id or nil
end

-- It is asked for without the slash, to which the names of the files are relative.
local function redirect (_, request)
  local name = request.target:gsub("%?.*", ""):match "([^/]*)$"
  return guard.refuse(308, "this way", {Location = "./" .. name .. "/"})
end

local function file (name)
  local text, content_type = page[name], page.types[name]
  return function ()
    local headers = guard.headers(content_type)
    headers["Cache-Control"] = "no-cache"     -- there is an ETag
    return 200, text, headers
  end
end

local function look (self, request, operator)
  return to_json(answers.look(self, request, operator))
end

local function show_connection (self, request)
  local ws, record = rows.find(self, to_number(request.query.id))
  if not ws then return guard.refuse(404, "there is no such connection now") end
  return to_json {id = record.id, details = rows.details(self, ws, record)}
end

-- ## Closing

local function tell (record, request, operator)
  log.tell(record, "warn", "closed by " .. masking.line(operator) .. " in the dashboard",
           {event = "dashboard", address = request.address})
end

-- Who reconnects by himself is to come back: a client's connection ends, not the client.
local function close (self, request, operator)
  if not self.may_close then
    return guard.refuse(403, "this dashboard only reads: it was made without 'close'")
  end
  local fault = guard.fault(self, request)
  if fault then return guard.refuse(403, fault) end
  local ws, record = rows.find(self, to_number(request.body))
  if not ws then return guard.refuse(404, "there is no such connection now") end
  tell(record, request, operator)
  if record.server then ws:close(1008, REASON) else ws:reconnect {reason = REASON} end
  return to_json {id = record.id, state = ws.state}
end

-- ## The pages

local function guarded (self, method, answer)
  return function (request)
    local operator, status, body, headers = guard.admit(self, request)
    if not operator then return status, body, headers end
    local is_read = request.method == "GET" or request.method == "HEAD"
    if method == "POST" and request.method ~= "POST" or method == "GET" and not is_read then
      return guard.refuse(405, "Method Not Allowed",
                          {Allow = method == "GET" and "GET, HEAD" or "POST"})
    end
    return answer(self, request, operator)
  end
end

--- A page that shows connections, rates, bytes, latencies and closes, live and ten minutes
--- back, and each connection. It is an entry of the option `page` of `wsmanager.serve`, by a
--- path of its own: `page = { ["/status"] = wsmanager.dashboard { authorize = ... } }`.
--- It shows all connections of its Lua state, and nothing where `authorize` lets nobody in.
---@param given wsmanager.DashboardOptions  who may see it, and what there is
---@return table<string, wsmanager.Page> page  for the option `page` of `wsmanager.serve`
return function (given)
  if given == nil then given = {} end
  if type(given) ~= "table" then
    arguments.fail(1, "#1 to 'dashboard' (table", given)
  end
  arguments.call_at_level(2, options.check, given)
  local self = {
    authorize = given.authorize, may_close = given.close == true, clients = given.clients,
    chat = given.chat, label = given.label, title = given.title or "wsmanager",
    token = guard.new_token(),
  }
  history.start(rows.ending)
  return {
    [""] = guarded(self, "GET", redirect),
    ["/"] = guarded(self, "GET", file "html"),
    ["/dashboard.css"] = guarded(self, "GET", file "css"),
    ["/dashboard.js"] = guarded(self, "GET", file "js"),
    ["/icon.svg"] = guarded(self, "GET", file "icon"),
    ["/look"] = guarded(self, "GET", look),
    ["/connection"] = guarded(self, "GET", show_connection),
    ["/close"] = guarded(self, "POST", close),
  }
end
