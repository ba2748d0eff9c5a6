-- `make demo-web` as a spec runs it, and what its pages show.

local bots = require "support.bots"
local busted = require "busted"
local chromium = require "support.chromium"

local chat_pages = {}
local Demo = {}
Demo.__index = Demo

local function absolute (path)
  local pipe = io.popen "pwd"
  local folder = pipe:read "*l"
  pipe:close()
  return folder .. "/" .. path
end

-- A file that is a picture, and one that is none.
chat_pages.picture = absolute "examples/chat/chat.png"
chat_pages.no_picture = absolute "examples/chat/draw.py"

local lua = os.getenv "LUA" or "lua"
local LIFE = 100       -- seconds: no demo lives longer

-- What `ps` says of a program with such arguments; nil: there is none.
local function arguments_of (pattern)
  local found
  local pipe = io.popen "ps -ww -eo args"
  for line in pipe:lines() do
    if line:find(pattern) and not line:find "ps -ww" then found = line end
  end
  pipe:close()
  return found
end

--- Starts it; `words` are its arguments. Its input does not end.
function chat_pages.start (words)
  local input = bots.folder() .. "/input"
  local pipe = assert(io.popen(("mkfifo %s; echo $$; exec timeout %d '%s' "
    .. "examples/chat/web/demo.lua %s <>%s 2>&1"):format(input, LIFE, lua, words or "", input)))
  local self = setmetatable({ pipe = pipe, pid = pipe:read "*l", urls = {}, told = {} }, Demo)
  for line in pipe:lines() do
    self.told[#self.told + 1] = line
    if line:find "Ctrl" then break end
    local url, uid = line:match "(http://127.0.0.1:%d+/#(%d+)%.%S+)$"
    if url then self.urls[uid] = url end
  end
  self.origin = assert(self.urls["42"], table.concat(self.told, "\n")):match "^(.-)/#"
  self.server = assert(arguments_of "chat/web/server.lua %d+ ")
  self.port = self.server:match "server.lua (%d+)"
  self.files = self.server:match "(%S+)%.history%.people"
  return self
end

--- What runs or lies there of it: nothing, after its end.
function Demo:left_over ()
  local list = {}
  local pipe = io.popen("ls " .. self.files .. "* 2>/dev/null")
  for name in pipe:lines() do list[#list + 1] = name end
  pipe:close()
  list[#list + 1] = arguments_of(self.files:gsub("%p", "%%%0"))
  return list
end

--- Ends it with a signal, and waits for that: what it has written meanwhile.
function Demo:stop (signal)
  if not self.pipe then return "" end
  os.execute(("kill -%s %s 2>/dev/null"):format(signal or "INT", self.pid))
  local text = self.pipe:read "*a"
  self.pipe:close()
  self.pipe = nil
  return text
end

-- ## A page of it

--- Opens somebody's page, and waits until it is connected.
function Demo:open (browser, uid, options)
  options = options or {}
  options.profile = options.profile or uid
  local page = browser:open(self.urls[uid], options)
  chat_pages.await_state(page, "open")
  return page
end

function chat_pages.await_state (page, state)
  local ok, why = pcall(page.await, page, ("globalThis.talk?.state === %q"):format(state))
  if ok then return end
  error(("%s\nits state is %s; %s"):format(why, tostring(page:evaluate "globalThis.talk?.state"),
    table.concat(page.errors, "\n")), 2)
end

--- Writes a message, as its user does, when the page lets him.
function chat_pages.write (page, text)
  page:await "!document.querySelector('#text').disabled"
  page:click "#text"
  page:type(text)
  page:key "Enter"
end

--- What a page shows, in its order: "uid: text", or a picture's name and how long it is.
function chat_pages.shown (page)
  return page:evaluate [[ [...document.querySelectorAll(".message")].map(li => {
    const image = li.querySelector("img")
    return li.dataset.from + ": " + (image ? image.alt + " " + image.src.length
      : li.querySelector(".content").textContent)
  }) ]]
end

--- The marks of what its user has written, in order.
function chat_pages.marks (page)
  return page:evaluate
    "[...document.querySelectorAll('.mine .mark')].map(mark => mark.textContent.trim())"
end

--- Pastes a picture, 360 x 220: a wrist, and where it hurts.
function chat_pages.paste_drawing (page)
  page:evaluate [[(async () => {
    const canvas = new OffscreenCanvas(360, 220), pen = canvas.getContext("2d")
    const fill = (colour, ...boxes) => {
      pen.fillStyle = colour
      pen.beginPath()
      for (const [x, y, w, h, r] of boxes) pen.roundRect(x, y, w, h, r)
      pen.fill()
    }
    fill("#dfe9e4", [0, 0, 360, 220, 0])
    fill("#e3b594", [-20, 70, 190, 84, 30], [130, 52, 110, 118, 40], [215, 50, 120, 26, 13],
      [225, 80, 130, 26, 13], [225, 110, 122, 26, 13], [212, 138, 98, 24, 12])
    pen.translate(150, 60)
    pen.rotate(-0.7)
    fill("#e3b594", [0, -14, 92, 30, 15])
    pen.setTransform(1, 0, 0, 1, 0, 0)
    pen.strokeStyle = "#b3261e"
    pen.lineWidth = 6
    pen.beginPath()
    pen.arc(128, 108, 34, 0, 7)
    pen.stroke()
    const file = new File([await canvas.convertToBlob()], "wrist.png", { type: "image/png" })
    const clipboardData = new DataTransfer()
    clipboardData.items.add(file)
    document.querySelector("#text").dispatchEvent(
      new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }))
  })()]]
end

--- Waits until a page shows so many messages, and all of its own have this mark.
function chat_pages.await_shown (page, count, mark)
  local ok, why = pcall(page.await, page, ([[document.querySelectorAll(".message").length >= %d
    && [...document.querySelectorAll(".message.mine .mark")].every(
      mark => mark.textContent.trim() === %q)]]):format(count, mark or "✓✓"))
  if ok then return end
  error(("%s\nshown: %s\nmarks: %s\nstate: %s"):format(why,
    table.concat(chat_pages.shown(page), "\n"), table.concat(chat_pages.marks(page), " "),
    page:evaluate "talk.state"), 2)
end

--- Errors of a page but those of a server that is not there.
function chat_pages.errors (page)
  local list = {}
  for _, text in ipairs(page.errors) do
    if not text:find "WebSocket connection to" then list[#list + 1] = text end
  end
  return list
end

--- For the tests of a `describe`: one browser, and a demo each, which ends with its test.
--- Returns open(uid, options), a page of this user, and both(words, options): starts the demo
--- with these words, and opens the customer's page and the doctor's. `usual`: the options
--- that these two have by default.
function chat_pages.in_browser (usual)
  local browser, demo

  busted.setup(function () browser = chromium.start() end)

  busted.teardown(function ()
    browser:stop()
    bots.stop()
  end)

  busted.before_each(function () demo = nil end)

  busted.after_each(function ()
    for _, page in pairs(browser.pages) do page:close() end
    if demo then demo:stop() end
  end)

  local function open (uid, options) return demo:open(browser, uid, options) end

  local function both (words, options)
    demo = chat_pages.start("doctor=no " .. (words or ""))
    options = options or usual
    return open("42", options), open("7", options)
  end

  return open, both
end

return chat_pages
