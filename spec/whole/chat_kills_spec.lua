-- The chat in a browser, as examples/chat/web has it: beside a server that is killed, in several
-- tabs, and how `make demo-web` ends. What a page shows is in chat_page_spec.lua.
-- Runs once: it tests no Lua.

if not require "support.json".is_there "the chat in a browser" then return end

local bots = require "support.bots"
local chats = require "support.chats"
local chromium = require "support.chromium"
local pages = require "support.chat_pages"

local write, await_shown, shown = pages.write, pages.await_shown, pages.shown

describe("the chat in a browser", function ()
  local open, both = pages.in_browser()

  -- Both write; the server is killed three times, both write on, one page is loaded anew.
  local function play (words)
    local ann, doctor = both(words)
    local said, count = { ["42"] = {}, ["7"] = {} }, 0
    local function say (page, uid, text)
      table.insert(said[uid], text)
      count = count + 1
      write(page, text)
    end
    say(ann, "42", "Good morning, doctor.")
    say(doctor, "7", "Good morning, Ann.")
    ann:choose("#files", { pages.picture })
    count = count + 1
    await_shown(ann, count)
    for round = 1, 3 do
      say(ann, "42", "before " .. round)
      ann:click "#kill"
      say(ann, "42", "at once " .. round)
      pages.await_state(ann, "waiting")
      say(doctor, "7", "while it is away " .. round)
      if round == 2 then ann:reload() end
      say(ann, "42", "meanwhile " .. round)
      ann:evaluate "document.querySelector('#start').click()"
      say(doctor, "7", "behind it " .. round)
      await_shown(ann, count)
      await_shown(doctor, count)
    end
    local list = shown(ann)
    assert.same(list, shown(doctor))
    assert.equal(count, #list)
    local heard = { ["42"] = {}, ["7"] = {} }
    for _, line in ipairs(list) do
      local who, text = line:match "^(.-): (.*)$"
      if not text:find "^Picture" then table.insert(heard[who], text) end
    end
    assert.same(said, heard)
    assert.same({}, pages.errors(ann))
    assert.same({}, pages.errors(doctor))
  end

  it("loses and doubles nothing over three kills and a reload", function () play "" end)

  it("loses nothing to a server that forgets all when it is killed", function ()
    play "history=memory"
  end)

  it("is as it was after a reload, and waits for the server that is away", function ()
    local ann = both()
    write(ann, "one")
    await_shown(ann, 1)
    ann:click "#kill"
    pages.await_state(ann, "waiting")
    write(ann, "two")
    ann:reload()
    ann:await "document.querySelectorAll('.message').length === 2"
    assert.same({ "42: one", "42: two" }, shown(ann))
    assert.same({ "✓✓", "…" }, pages.marks(ann))
    ann:await "/is lost/.test(state.textContent)"
    ann:evaluate "document.querySelector('#start').click()"
    await_shown(ann, 2)
  end)

  describe("in several tabs of one user", function ()
    -- How many connections there are, by what the server's port has.
    local function connections (list)
      local count = 0
      for _, page in ipairs(list) do
        if page:evaluate "window.sockets.filter(s => s.readyState < 2).length" > 0 then
          count = count + 1
        end
      end
      return count
    end

    local WATCHED = [[ window.sockets = []
      window.WebSocket = class extends WebSocket {
        constructor(...all) { super(...all); window.sockets.push(this) }
      } ]]

    it("connects one of them, and shows the same in all", function ()
      local _, doctor = both()
      local options = { before = WATCHED }
      local one, two = open("42", options), open("42", options)
      write(one, "from the first")
      write(two, "from the second")
      write(doctor, "to both")
      for _, page in ipairs { one, two, doctor } do await_shown(page, 3) end
      assert.same(shown(doctor), shown(one))
      assert.same(shown(doctor), shown(two))
      assert.equal(0, connections { one, two })    -- the first page of all is connected
    end)

    it("goes on in another one when the connected one is closed", function ()
      local ann, doctor = both()
      local two = open("42", { before = WATCHED })
      write(ann, "one")
      await_shown(two, 1)
      ann:click "#kill"
      pages.await_state(two, "waiting")
      write(two, "two")
      write(ann, "three")
      ann:close()
      two:click "#start"
      await_shown(two, 3)
      await_shown(doctor, 3)
      assert.same({ "42: one", "42: two", "42: three" }, shown(doctor))
      assert.equal(1, connections { two })
    end)

    it("doubles nothing where there are no locks, and all of them connect", function ()
      local _, doctor = both()
      local options = { profile = "lockless",
        before = "Object.defineProperty(navigator, 'locks', { value: undefined });" .. WATCHED }
      local one, two = open("42", options), open("42", options)
      for i = 1, 5 do
        write(one, "one " .. i)
        write(two, "two " .. i)
      end
      write(doctor, "to both")
      for _, page in ipairs { one, two, doctor } do await_shown(page, 11) end
      assert.equal(11, #shown(one))
      assert.same(shown(doctor), shown(one))
      assert.same(shown(doctor), shown(two))
      assert.equal(2, connections { one, two })
    end)
  end)
end)

describe("make demo-web", function ()
  local demo, browser

  after_each(function ()
    if browser then browser:stop() end
    browser = nil
    bots.stop()
  end)

  it("leaves no process and no file when it is interrupted", function ()
    demo = pages.start()
    assert.is_true(#demo:left_over() > 3)
    assert.equal("", demo:stop "INT")
    assert.same({}, demo:left_over())
  end)

  it("leaves none when it is killed", function ()
    demo = pages.start()
    demo:stop "TERM"
    chats.await(function () return #demo:left_over() == 0 end)
  end)

  it("ends with its input, and after so many seconds", function ()
    for _, command in ipairs {
      "sleep 0.1 | timeout 60 %s examples/chat/web/demo.lua",
      "sleep 1 | timeout 60 %s examples/chat/web/demo.lua seconds=0.1",
    } do
      local pipe = io.popen(command:format(os.getenv "LUA") .. " 2>&1; echo status $?")
      local output = pipe:read "*a"
      pipe:close()
      assert.matches("status 0\n$", output)
      assert.not_matches("traceback", output)
    end
  end)

  it("has a doctor who answers, and sends a picture for a picture", function ()
    browser = chromium.start()
    demo = pages.start()
    local ann = demo:open(browser, "42")
    write(ann, "Good morning.")
    await_shown(ann, 2)
    assert.same({ "42: Good morning.", "7: Good morning. What can I do for you?" }, shown(ann))
    ann:choose("#files", { pages.picture })
    await_shown(ann, 5)
    assert.matches("^7: Picture our sign.png %d+$", shown(ann)[5])
    demo:stop()
  end)

  it("lets only its own page kill the server", function ()
    demo = pages.start "doctor=no"
    local function status (method, path, origin)
      local pipe = io.popen(("/usr/bin/python3 -c 'import http.client as h, sys\n"
        .. "c = h.HTTPConnection(sys.argv[1][7:])\n"
        .. "c.request(sys.argv[2], sys.argv[3], headers={\"Origin\": o for o in sys.argv[4:]})\n"
        .. "print(c.getresponse().status)' %s %s %s %s"):format(demo.origin, method, path,
          origin or ""))
      local text = pipe:read "*l"
      pipe:close()
      return text
    end
    assert.equal("403", status("POST", "/server/kill"))
    assert.equal("403", status("POST", "/server/kill", "http://example.com"))
    assert.equal("405", status("GET", "/server/kill"))
    assert.equal("200", status("POST", "/server/kill", demo.origin))
    demo:stop()
  end)
end)
