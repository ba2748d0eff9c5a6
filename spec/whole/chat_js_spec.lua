-- examples/chat/web/chat.js, as a page of one's own has it: in Chromium, beside chat.serve in
-- this process. What the chat's own page shows of it is in chat_page_spec.lua.
-- Runs once: it tests no Lua.

if not require "support.json".is_there "chat.js" then return end

local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"
local chats = require "support.chats"
local chromium = require "support.chromium"
local files = require "support.files"

describe("chat.js", function ()
  local browser, server, talks
  local profiles = 0

  setup(function () browser = chromium.start() end)
  teardown(function () browser:stop() end)

  local function serve (options)
    local all = {
      host = "127.0.0.1", port = 0, linger = 0,
      authenticate = function (session) return session.token == "t" end,
      rooms = { ward = { "7", "42" }, other = { "8", "42" } },
      page = {
        ["/"] = function ()
          return 200, "<!doctype html><title>mine</title>", { ["Content-Type"] = "text/html" }
        end,
        ["/chat.js"] = "examples/chat/web/chat.js",
      },
    }
    for name, value in pairs(options or {}) do all[name] = value end
    server = assert(chat.serve(all))
    return server
  end

  before_each(function () talks = {} end)

  after_each(function ()
    for _, page in pairs(browser.pages) do page:close() end
    for _, talk in ipairs(talks) do talk:close() end
    if server then server:stop(0) end
    server = nil
  end)

  local function join (uid)
    local talk = chats.join(server, uid)
    talks[#talks + 1] = talk
    return talk
  end

  -- A page whose `talk` is user 42's; `heard` has the events.
  local function open (options, profile)
    profiles = profiles + 1
    local page = browser:open("http://127.0.0.1:" .. server.port,
      { profile = profile or "chat.js " .. profiles })
    page:evaluate(([[import("/chat.js").then(({ Chat }) => {
      globalThis.heard = []
      globalThis.talk = new Chat({ uid: "42", token: "t", delay: 20, longest: 50, ...%s })
      for (const name of ["message", "update", "room", "missed"])
        talk.addEventListener(name, ({ detail }) => heard.push([name, detail]))
      globalThis.texts = room => talk.messages(room ?? "ward").map(m => m.content).join(" ")
    })]]):format(options or "{}"))
    page:await "talk.state === 'open'"
    return page
  end

  it("has at most 300 lines, and asks for nothing else", function ()
    local text = files.read "examples/chat/web/chat.js"
    local _, lines = text:gsub("\n", "")
    assert.is_true(lines <= 300, lines)
    assert.is_nil(text:gsub("//[^\n]*", ""):find "import")
  end)

  it("sends and receives what chat.new does", function ()
    serve()
    local doctor, page = join "7", open()
    page:evaluate "talk.text('grüß dich', { room: 'ward', mood: 'good' })"
    chats.await(function () return doctor.heard[1] end)
    assert.same({ "grüß dich", "good", "42", "ward", 1 }, { doctor.heard[1].content,
      doctor.heard[1].mood, doctor.heard[1].senderId, doctor.heard[1].room, doctor.heard[1].seq })
    doctor:image(chat.doctorImg, { room = "ward", name = "sign.png" })
    page:await "texts() === 'grüß dich sign.png'"
    assert.equal(#chat.doctorImg, page:evaluate
      "atob(talk.messages('ward')[1].picture.split(',')[1]).length")
    page:evaluate "talk.image(talk.messages('ward')[1].picture, { room: 'ward', name: 'back.png' })"
    chats.await(function () return doctor.heard[2] end)
    assert.equal(chat.doctorImg, doctor.heard[2].bytes)
    doctor:read(doctor.heard[2])
    page:await "talk.status(talk.messages('ward')[2]) === 'read'"
    assert.equal(1, page:evaluate "talk.unread('ward').length")
    page:evaluate "talk.read(talk.messages('ward')[1])"
    chats.await(function () return doctor:contact("ward").marks["42"].read == 2 end)
    assert.equal(0, page:evaluate "talk.unread('ward').length")
  end)

  it("refuses what has no room, and tells what the server refuses", function ()
    serve { accept = function (message) return message.content ~= "bad", "not that word" end }
    local page = open "{ outbox: 2 }"
    assert.error_matches(function () page:evaluate "talk.text('x', { room: 'nowhere' })" end,
      'There is no room "nowhere"')
    page:evaluate "talk.text('bad', { room: 'ward' })"
    page:await "talk.messages('ward')[0].final === 'refused'"
    assert.equal("not that word", page:evaluate "talk.messages('ward')[0].why")
    page:evaluate "talk.text('one', { room: 'ward' })"       -- user 7 is not there: they wait
    page:evaluate "talk.text('two', { room: 'ward' })"
    assert.error_matches(function () page:evaluate "talk.text('three', { room: 'ward' })" end,
      "Too much waits to be sent")
    assert.equal("bad one two", page:evaluate "texts()")
  end)

  it("keeps a bounded number of messages and of pictures' bytes", function ()
    serve()
    local doctor, page = join "7", open "{ messages: 50, pictures: 3 }"
    for i = 1, 6 do doctor:image(chat.doctorImg, { room = "ward", name = "p" .. i }) end
    for i = 1, 60 do doctor:text("t" .. i, { room = "ward" }) end
    page:await "talk.messages('ward').at(-1)?.content === 't60'"
    assert.equal(50, page:evaluate "talk.messages('ward').length")
    assert.equal(50, page:evaluate
      "Object.keys(localStorage).filter(key => key.startsWith('chat/42/m/')).length")
    for i = 7, 11 do doctor:image(chat.doctorImg, { room = "ward", name = "p" .. i }) end
    page:await "talk.messages('ward').at(-1)?.content === 'p11'"
    assert.same({ "p9", "p10", "p11" },
      page:evaluate "talk.messages('ward').filter(m => m.picture).map(m => m.content)")
    assert.equal(71, page:evaluate "heard.filter(([name]) => name === 'message').length")
  end)

  it("goes on where the browser has no more room", function ()
    serve()
    local doctor, page = join "7", open()
    page:evaluate [[(() => {
      const fill = "x".repeat(100000)
      try { for (let n = 0; ; n++) localStorage.setItem("other" + n, fill) } catch {}
    })()]]
    for i = 1, 3 do doctor:text(("%05d"):format(i):rep(6000), { room = "ward" }) end
    doctor:text("last", { room = "ward" })
    page:await "talk.messages('ward').at(-1)?.content === 'last'"
    chats.await(function () return doctor.ws:stats().unacknowledged == 0 end)
  end)

  it("takes no field of its own notes from a message of another", function ()
    serve()
    local doctor, page = join "7", open "{ outbox: 2 }"
    for i = 1, 3 do
      doctor:text("t" .. i, { room = "ward", order = i, final = "read", why = "x", came = -1,
                              picture = "https://example.com/seen.png" })
    end
    page:await "talk.messages('ward').length === 3"
    assert.same({}, page:evaluate [=[talk.messages("ward").flatMap(m => Object.keys(m))
      .filter(key => ["order", "final", "why", "picture"].includes(key))]=])
    page:evaluate "talk.text('still here', { room: 'ward' })"
    chats.await(function () return doctor.heard[1] end)
    assert.equal("still here", doctor.heard[1].content)
  end)

  it("refuses a picture whose bytes it cannot send, and goes on", function ()
    serve()
    local doctor, page = join "7", open()
    for _, url in ipairs { "data:", "data:image/svg+xml,<svg/>", "data:image/png;base64,=a" } do
      assert.has_error(function ()
        page:evaluate(("talk.image(%q, { room: 'ward' })"):format(url))
      end)
    end
    page:evaluate "talk.text('next', { room: 'ward' })"
    chats.await(function () return doctor.heard[1] end)
    assert.equal("next", page:evaluate "texts()")
  end)

  it("connects again where not a byte more can be kept", function ()
    serve()
    local doctor, page = join "7", open()
    page:evaluate [[(() => {
      let n = 0
      for (let size = 1 << 20; size >= 1; size >>= 1)
        try { for (;; n++) localStorage.setItem("o" + n, "x".repeat(size)) } catch {}
    })()]]
    page:evaluate "talk.addEventListener('state', () => heard.push(['state', talk.state]))"
    for _, ws in server.server:clients() do ws:close(1012) end
    page:await "heard.some(([name, state]) => name === 'state' && state === 'open')"
    page:evaluate "localStorage.removeItem('o0')"
    page:evaluate "talk.text('back', { room: 'ward' })"
    chats.await(function () return doctor.heard[1] end)
  end)

  it("notices a dead server although the clock is put back", function ()
    serve()
    local page = open "{ interval: 200, timeout: 1500, open: 1500 }"
    page:evaluate [[(() => {
      const now = Date.now()
      Date.now = () => now - performance.now()          // ever earlier
      talk.addEventListener("state", () => heard.push(["state", talk.state]))
    })()]]
    os.execute "sleep 5"
    page:await "heard.some(([name, state]) => name === 'state' && state === 'waiting')"
    page:await "talk.state === 'open'"
  end)

  it("asks for what another device has received, and what it has sent", function ()
    serve()
    local doctor = join "7"
    local page = open(nil, "device")
    doctor:text("one", { room = "ward" })
    page:await "texts() === 'one'"
    page:close()
    local device = join "42"
    doctor:text("two", { room = "ward" })
    chats.await(function () return device.heard[1] end)
    device:text("three", { room = "ward" })
    chats.await(function () return doctor.heard[1] end)
    device:close()
    page = open(nil, "device")
    page:await "texts() === 'one two' || texts() === 'one two three'"
    doctor:text("four", { room = "ward" })
    page:await "texts() === 'one two three four'"
  end)

  it("begins with the last page of the history, and asks for what was before", function ()
    serve { acknowledge = "stored" }
    local doctor, device = join "7", join "42"
    for i = 1, 70 do doctor:text("m" .. i, { room = "ward" }) end
    chats.await(function () return #device.heard == 70 end)
    device:close()
    local page = open()
    page:await "talk.messages('ward').length === 50"
    assert.equal("m21", page:evaluate "talk.messages('ward')[0].content")
    page:evaluate "talk.earlier('ward')"
    page:await "talk.messages('ward').length === 70"
    assert.equal("m1 m2", page:evaluate "texts()":sub(1, 5))
    assert.equal(70, page:evaluate "new Set(talk.messages('ward').map(m => m.seq)).size")
  end)

  it("tells what the server has forgotten before it came", function ()
    serve { acknowledge = "stored", history = chat.history.memory { messages = 5 } }
    local doctor = join "7"
    for i = 1, 8 do doctor:text("m" .. i, { room = "ward" }) end
    chats.await(function () return doctor.ws:stats().unacknowledged == 0 end)
    local page = open()
    page:await "texts() === 'm4 m5 m6 m7 m8'"
    page:close()
  end)

  it("notices a dead server by its silence", function ()
    serve()
    local page = open "{ interval: 200, timeout: 1500, open: 1500 }"
    page:evaluate [[talk.addEventListener("state", () => heard.push(["state", talk.state]))]]
    -- the loop of this process, and so the server, stands still meanwhile
    os.execute "sleep 5"
    page:await "heard.some(([name, state]) => name === 'state' && state === 'waiting')"
    page:await "talk.state === 'open'"
  end)

  it("begins although something that it has not written is in its place", function ()
    serve()
    local doctor, page = join "7", open(nil, "broken")
    doctor:text("one", { room = "ward" })
    page:await "texts() === 'one'"
    page:evaluate "localStorage.setItem('chat/42/m/x', '{')"
    page:evaluate "localStorage.setItem('chat/42/room/ward', 'nonsense')"
    page:close()
    page = open(nil, "broken")
    doctor:text("two", { room = "ward" })
    page:await "texts() === 'one two'"
  end)

  it("forgets all of a user", function ()
    serve()
    local page = open()
    page:evaluate "talk.text('one', { room: 'ward' })"
    assert.is_true(page:evaluate "Object.keys(localStorage).length" > 1)
    page:evaluate "talk.forget()"
    assert.equal(0, page:evaluate "Object.keys(localStorage).length")
    chats.await(function () return not server:online "42" end)
    wsmanager.sleep(0)
    assert.equal("closed", page:evaluate "talk.state")
  end)

  it("makes the whole page of docs/how-to/browser-chat.md", function ()
    local text = files.read "docs/how-to/browser-chat.md"
    local function block (name)
      local indented = text:match("`" .. name:gsub("%p", "%%%0") .. "`:\n\n(    .-)\n\n%S")
      return (("\n" .. indented):gsub("\n    ", "\n"))
    end
    local function file (name, kind)
      local content = block(name)
      return function () return 200, content, { ["Content-Type"] = kind } end
    end
    serve {
      rooms = { ["ward 3"] = { "7", "42" } },
      page = {
        ["/"] = file("index.html", "text/html"), ["/page.js"] = file("page.js", "text/javascript"),
        ["/chat.js"] = "examples/chat/web/chat.js",
        ["/favicon.ico"] = function () return 200, "" end,
      },
    }
    local doctor = join "7"
    local page = browser:open("http://127.0.0.1:" .. server.port .. "/#42.t", { profile = "docs" })
    page:await "document.querySelector('#list')"
    chats.await(function () return server:online "42" end)
    page:click "#text"
    page:type "hello"
    page:key "Enter"
    chats.await(function () return doctor.heard[1] end)
    doctor:read(doctor.heard[1])
    doctor:text("good morning", { room = "ward 3" })
    page:await "list.innerText === 'hello (read)\\ngood morning (7)'"
    assert.same({}, page.errors)
  end)
end)
