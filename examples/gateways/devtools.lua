-- A screenshot by Chromium's DevTools: lua5.4 devtools.lua ws://... PAGE FILE.png
-- `chromium --headless --remote-debugging-port=9222` tells the address ws://... first. When
-- the connection is lost, the browser is asked again for the same tab. Chrome DevTools
-- Protocol, domains Target and Page.
local wsmanager = require "wsmanager"
local url, page, name = arg[1], arg[2], arg[3]
local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function from_base64 (text)
  return (text:gsub("=", ""):gsub("..?.?.?", function (group)
    local n = 0
    for i = 1, 4 do n = n * 64 + (DIGITS:find(group:sub(i, i), 1, true) or 1) - 1 end
    local bytes = string.char(math.floor(n / 65536), math.floor(n / 256) % 256, n % 256)
    return bytes:sub(1, #group - 1)
  end))
end

local target     -- a tab, which the browser keeps when a connection is lost
local loaded = wsmanager.queue()   -- true: its page is loaded; false: the connection is lost
local is_lost

-- The picture; or nil and why, and `is_lost` says whether it was the connection.
local function shoot (ws)
  local session, why
  loaded, is_lost = wsmanager.queue(), false

  local function call (method, params)      -- does nothing after a failure
    if why then return {} end
    local answer, token, detail = ws:request {
      method = method, params = params, sessionId = session,
    }
    is_lost = is_lost or token == "closed"
    local failure = answer and answer.error
    why = detail or failure and method .. ": " .. failure.message
    return not why and answer.result or {}
  end

  target = target or call("Target.createTarget", {url = "about:blank"}).targetId
  session = call("Target.attachToTarget", {targetId = target, flatten = true}).sessionId
  call "Page.enable"
  why = call("Page.navigate", {url = page}).errorText or why
  local is_there = why or loaded:take(30)
  if not is_there then why = page .. " is not loaded" end
  local picture = call("Page.captureScreenshot", {format = "png"}).data
  call("Target.closeTarget", {targetId = target})
  return picture, why
end

wsmanager.run(function ()
  local ws = wsmanager.new {
    url = url, decode = "json", correlate = "id", dispatch = "method",
    onclose = function () is_lost = true loaded:put(false) end,
    onerror = function (event) io.stderr:write(event.message, "\n") end,
  }
  ws:on("Page.loadEventFired", function () loaded:put(true) end)
  ws:on(function () end)                    -- what else is told

  local picture, why
  repeat picture, why = shoot(ws) until picture or not is_lost or not ws:opened(60)
  ws:close()
  if not picture then io.stderr:write(why, "\n") os.exit(1) end
  local file = assert(io.open(name, "wb"))
  file:write(from_base64(picture))
  file:close()
end)
