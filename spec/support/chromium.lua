-- Debian's Chromium without a window, driven by the module itself through the DevTools
-- protocol. One browser for a file of specs; a page is a tab.
--
--   setup(function () browser = chromium.start() end)
--   teardown(function () browser:stop() end)
--   it("…", function ()
--     local page = browser:open("http://127.0.0.1:" .. port)   -- or file:///…
--     page:click "#send"
--     page:await "document.querySelectorAll('li').length === 3"
--     assert.equal("hello", page:evaluate "document.title")
--     assert.same({}, page.errors)
--     page:close()
--   end)
--
-- Everything waits, inside and outside of wsmanager.run, has a deadline, and raises a
-- sentence when something goes wrong, the page's own exceptions too. What the server of
-- the page needs of this process goes on meanwhile. measures.lua has what is measured.

local wsmanager = require "wsmanager"
local measures = require "support.chromium.measures"
local peers = require "support.peers"

local LONG = 60     -- seconds: none waits so long unless it fails

local Browser, Page, chromium = {}, {}, {}
Browser.__index, Page.__index = Browser, Page

-- ## The browser

local on = {}

-- An event of the protocol goes to its page, and there to whoever expects it.
local function take (self, message)
  local page = self.pages[message.sessionId or ""]
  if not page or not message.method then return end
  if on[message.method] then on[message.method](page, message.params) end
  local waiting = page.expected[message.method]
  page.expected[message.method] = nil
  for _, queue in ipairs(waiting or {}) do queue:put(message.params) end
end

--- Starts a browser, with a profile of its own in a folder that is removed.
function chromium.start ()
  local peer = peers.start("daemon", { server = "chromium" })
  local self = setmetatable({ peer = peer, pages = {}, profiles = {} }, Browser)
  self.ws = wsmanager.new {
    url = "ws://127.0.0.1:" .. peer.port .. peer:event().path, decode = "json",
    correlate = "id", dispatch = "method", reconnect = false, heartbeat = false,
  }
  self.ws:on(function (message) take(self, message) end)
  peer.is_kept = true
  return self
end

--- Ends the browser, by its pid.
function Browser:stop ()
  self.ws:close()
  self.peer:stop()
end

local function call (self, session, method, params, seconds)
  local answer, _, detail = self.ws:request({
    method = method, params = params, sessionId = session,
  }, seconds or LONG)
  if not answer then return nil, method .. ": " .. detail end
  if answer.error then return nil, method .. ": " .. answer.error.message end
  return answer.result
end

--- Calls a method of the protocol: what it returns.
function Browser:call (method, params, seconds)
  local result, why = call(self, nil, method, params, seconds)
  return result or error(why, 2)
end

-- A profile by its name: its tabs share storage, and nothing with others.
local function profile (self, name)
  if not name then return nil end
  self.profiles[name] = self.profiles[name]
    or self:call "Target.createBrowserContext".browserContextId
  return self.profiles[name]
end

--- Opens a page and waits until it is loaded. Options: width (1280), height (800), scale
--- (1), dark, reduced (motion); profile, a name: other pages of that name share its
--- storage; before, JavaScript that each of its documents runs first.
function Browser:open (url, options)
  options = options or {}
  local target = self:call("Target.createTarget", {
    url = "about:blank", browserContextId = profile(self, options.profile),
  }).targetId
  local session = self:call("Target.attachToTarget", {
    targetId = target, flatten = true,
  }).sessionId
  local page = setmetatable({
    browser = self, session = session, target = target, errors = {}, expected = {},
    loads = 0,
  }, Page)
  self.pages[session] = page
  for _, domain in ipairs { "Page", "Runtime", "Log", "DOM" } do
    page:call(domain .. ".enable")
  end
  page:focus(true)
  if options.before then
    page:call("Page.addScriptToEvaluateOnNewDocument", { source = options.before })
  end
  page:size(options.width or 1280, options.height or 800, options.scale)
  page:media(options)
  page:go(url)
  return page
end

-- ## A page

local function add_error (page, text) page.errors[#page.errors + 1] = text end

on["Page.loadEventFired"] = function (page) page.loads = page.loads + 1 end

on["Runtime.exceptionThrown"] = function (page, params)
  local details = params.exceptionDetails
  add_error(page, details.exception and details.exception.description or details.text)
end

on["Runtime.consoleAPICalled"] = function (page, params)
  if params.type ~= "error" and params.type ~= "assert" then return end
  local words = {}
  for i, argument in ipairs(params.args) do
    words[i] = tostring(argument.value or argument.description)
  end
  add_error(page, table.concat(words, " "))
end

-- What the browser itself complains of: a policy, a file that is not there.
on["Log.entryAdded"] = function (page, params)
  if params.entry.level ~= "error" then return end
  add_error(page, params.entry.text .. (params.entry.url and " " .. params.entry.url or ""))
end

--- Calls a method of the protocol for this page: what it returns.
function Page:call (method, params, seconds)
  local result, why = call(self.browser, self.session, method, params, seconds)
  return result or error(why, 2)
end

--- A function that waits for the next event of that name from now on: its params.
function Page:expect (name)
  local queue = wsmanager.queue()
  self.expected[name] = self.expected[name] or {}
  table.insert(self.expected[name], queue)
  return function (seconds)
    return queue:take(seconds or LONG) or error("no " .. name .. " came in time", 2)
  end
end

--- Goes to a URL and waits until it is loaded.
function Page:go (url)
  local loaded = self:expect "Page.loadEventFired"
  local why = self:call("Page.navigate", { url = url }).errorText
  if why then error(url .. ": " .. why, 2) end
  loaded()
end

--- Loads the page anew, as a user does.
function Page:reload ()
  local loaded = self:expect "Page.loadEventFired"
  self:call "Page.reload"
  loaded()
end

function Page:close ()
  self.browser:call("Target.closeTarget", { targetId = self.target })
  self.browser.pages[self.session] = nil
end

-- The value of an expression, awaited where it is a promise; or nil and why not.
local function evaluate (self, expression, seconds)
  local result, why = call(self.browser, self.session, "Runtime.evaluate", {
    expression = expression, awaitPromise = true, returnByValue = true,
    userGesture = true,
  }, seconds)
  if not result then return nil, why end
  local details = result.exceptionDetails
  if details then
    return nil, details.exception and details.exception.description or details.text
  end
  return result.result.value
end

--- The value of a JavaScript expression, a promise's once it is there. undefined is nil,
--- null is wsmanager.null; an exception is raised here.
function Page:evaluate (expression, seconds)
  local value, why = evaluate(self, expression, seconds)
  if why then error(why, 2) end
  return value
end

-- Resolves once the expression is true: looks when the document changes, when something
-- happens in it, and at each frame that is drawn.
local AWAIT = [[(test => new Promise((done, fail) => {
  const happen = ["input", "scroll", "storage", "message", "load", "transitionend"]
  const seen = new MutationObserver(look)
  function look () {
    let value
    try { value = test() } catch (error) { stop(); return fail(error) }
    if (value) { stop(); done(value === true || String(value)) }
  }
  function frame () { look(); if (!over) requestAnimationFrame(frame) }
  let over = false
  function stop () {
    over = true
    seen.disconnect()
    for (const name of happen) removeEventListener(name, look, true)
  }
  seen.observe(document, { subtree: true, childList: true, attributes: true,
    characterData: true })
  for (const name of happen) addEventListener(name, look, true)
  frame()
}))(() => (%s))]]

-- What is said of a wait that the page's own reload cuts off.
local function is_reload (why)
  return why:find "navigated" or why:find "context was destroyed"
    or why:find "Promise was collected" or why:find "Cannot find"
end

--- Waits until a JavaScript expression is true, also over reloads of the page: true, or
--- its value as a string.
function Page:await (expression, seconds)
  local deadline = wsmanager.now() + (seconds or LONG)
  while true do
    local loads = self.loads
    local value, why = evaluate(self, AWAIT:format(expression),
      math.max(deadline - wsmanager.now(), 0.001))
    if not why then return value end
    if loads == self.loads and not is_reload(why) or wsmanager.now() > deadline then
      error(("waiting for %s: %s"):format(expression, why), 2)
    end
  end
end

-- ## What a user does, and has

--- The size of what is seen, in CSS pixels. `scale`: device pixels for each.
function Page:size (width, height, scale)
  self:call("Emulation.setDeviceMetricsOverride", {
    width = width, height = height, deviceScaleFactor = scale or 1, mobile = false,
  })
end

--- What the user prefers: dark, reduced (motion), contrast ("more").
function Page:media (options)
  self:call("Emulation.setEmulatedMedia", { features = {
    { name = "prefers-color-scheme", value = options.dark and "dark" or "light" },
    { name = "prefers-reduced-motion",
      value = options.reduced and "reduce" or "no-preference" },
    { name = "prefers-contrast", value = options.contrast or "no-preference" },
  } })
end

--- Does somebody look at the page? With true it is visible and has the focus, whatever
--- other tabs there are.
function Page:focus (has_focus)
  self:call("Emulation.setFocusEmulationEnabled", { enabled = has_focus })
end

local KEYS = {
  Enter = { 13, "\r" }, Tab = { 9 }, Escape = { 27 }, Backspace = { 8 }, Delete = { 46 },
  ArrowLeft = { 37 }, ArrowUp = { 38 }, ArrowRight = { 39 }, ArrowDown = { 40 },
  Home = { 36 }, End = { 35 }, PageUp = { 33 }, PageDown = { 34 }, Space = { 32, " " },
}
local MODIFIERS = { Alt = 1, Control = 2, Meta = 4, Shift = 8 }

--- Presses a key: "Enter", "a", "Shift+Tab", "Control+Enter".
function Page:key (name)
  local modifiers = 0
  for word in name:gmatch "(%a+)%+" do modifiers = modifiers + MODIFIERS[word] end
  name = name:match "[^+]+$"
  local known = KEYS[name] or { name:upper():byte(), name }
  local event = {
    key = name == "Space" and " " or name, modifiers = modifiers,
    code = KEYS[name] and name or "Key" .. name:upper(),
    windowsVirtualKeyCode = known[1], text = modifiers % 8 == 0 and known[2] or nil,
  }
  event.type = event.text and "keyDown" or "rawKeyDown"
  self:call("Input.dispatchKeyEvent", event)
  event.type, event.text = "keyUp", nil
  self:call("Input.dispatchKeyEvent", event)
end

--- Puts text where the focus is, as a keyboard or an input method does.
function Page:type (text) self:call("Input.insertText", { text = text }) end

-- The middle of the first element of a selector, scrolled into view.
local function middle (self, selector)
  local at = self:evaluate(([[(async () => {
    const element = document.querySelector(%q)
    if (!element) throw new Error("nothing is " + %q)
    element.scrollIntoView({ block: "nearest", behavior: "instant" })
    await new Promise(requestAnimationFrame)
    const box = element.getBoundingClientRect()
    return { x: box.left + box.width / 2, y: box.top + box.height / 2 }
  })()]]):format(selector, selector))
  return at.x, at.y
end

--- Clicks on the first element of a CSS selector.
function Page:click (selector)
  local x, y = middle(self, selector)
  for _, kind in ipairs { "mouseMoved", "mousePressed", "mouseReleased" } do
    self:call("Input.dispatchMouseEvent", {
      type = kind, x = x, y = y, button = kind ~= "mouseMoved" and "left" or "none",
      clickCount = 1,
    })
  end
end

--- Chooses files (a list of paths) in an <input type="file">.
function Page:choose (selector, paths)
  local root = self:call "DOM.getDocument".root.nodeId
  local node = self:call("DOM.querySelector", { nodeId = root, selector = selector }).nodeId
  self:call("DOM.setFileInputFiles", { nodeId = node, files = paths })
end

--- Drags files (absolute paths) over an element and drops them there.
function Page:drop (selector, paths)
  local x, y = middle(self, selector)
  for _, kind in ipairs { "dragEnter", "dragOver", "drop" } do
    self:call("Input.dispatchDragEvent", {
      type = kind, x = x, y = y,
      data = { items = wsmanager.array {}, files = paths, dragOperationsMask = 1 },
    })
  end
end

--- Writes a picture of what is seen into a PNG file; `whole`: of all of the page.
function Page:screenshot (path, whole)
  local data = self:call("Page.captureScreenshot", {
    format = "png", captureBeyondViewport = whole or false,
  }).data
  local file = assert(io.open(path, "wb"))
  file:write(measures.from_base64(data))
  file:close()
end

--- What a screen reader is told: a list of { role, name }, without what is ignored.
function Page:accessibility ()
  local list = {}
  for _, node in ipairs(self:call "Accessibility.getFullAXTree".nodes) do
    if not node.ignored then
      list[#list + 1] = {
        role = node.role and node.role.value, name = node.name and node.name.value,
      }
    end
  end
  return list
end

Page.overflow, Page.contrast = measures.overflow, measures.contrast

return chromium
