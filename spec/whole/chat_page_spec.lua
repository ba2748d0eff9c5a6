-- The chat in a browser, as examples/chat/web has it: its pages in Chromium, beside a server
-- that is killed.
-- Runs once: it tests no Lua.

if not require "support.json".is_there "the chat in a browser" then return end

local bots = require "support.bots"
local chromium = require "support.chromium"
local pages = require "support.chat_pages"

local PICTURE = "examples/chat/chat.png"

local function here (path)
  local pipe = io.popen "pwd"
  local folder = pipe:read "*l"
  pipe:close()
  return folder .. "/" .. path
end

describe("the chat in a browser", function ()
  local browser, demo

  setup(function () browser = chromium.start() end)

  teardown(function ()
    browser:stop()
    bots.stop()
  end)

  after_each(function ()
    for _, page in pairs(browser.pages) do page:close() end
    if demo then demo:stop() end
    demo = nil
  end)

  -- Both write; the server is killed three times, both write on, one page is loaded anew.
  local function play (words)
    demo = pages.start("doctor=no " .. words)
    local ann = demo:open(browser, "42", { width = 440, height = 760 })
    local doctor = demo:open(browser, "7", { width = 440, height = 760 })
    local said = { ann = {}, doctor = {} }
    local count = 0
    local function say (page, name, text)
      table.insert(said[name], text)
      count = count + 1
      pages.write(page, text)
    end
    say(ann, "ann", "Good morning, doctor.")
    say(doctor, "doctor", "Good morning, Ann.")
    ann:choose("#files", { here(PICTURE) })
    count = count + 1
    pages.await_shown(ann, count)
    for round = 1, 3 do
      say(ann, "ann", "before " .. round)
      ann:click "#kill"
      say(ann, "ann", "at once " .. round)
      pages.await_state(ann, "waiting")
      say(doctor, "doctor", "while it is away " .. round)
      if round == 2 then ann:reload() end
      say(ann, "ann", "meanwhile " .. round)
      ann:evaluate "document.querySelector('#start').click()"
      say(doctor, "doctor", "behind it " .. round)
      pages.await_shown(ann, count)
      pages.await_shown(doctor, count)
    end
    local list = pages.shown(ann)
    assert.same(list, pages.shown(doctor))
    assert.equal(count, #list)
    local heard = { ["42"] = {}, ["7"] = {} }
    for _, line in ipairs(list) do
      local who, text = line:match "^(.-): (.*)$"
      if not text:find "^Picture" then table.insert(heard[who], text) end
    end
    assert.same(said.ann, heard["42"])
    assert.same(said.doctor, heard["7"])
    assert.same({}, pages.errors(ann))
    assert.same({}, pages.errors(doctor))
  end

  it("loses and doubles nothing over three kills and a reload", function () play "" end)

  it("loses nothing to a server that forgets all when it is killed", function ()
    play "history=memory"
  end)
end)
