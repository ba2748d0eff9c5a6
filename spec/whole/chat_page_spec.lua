-- The chat in a browser, as examples/chat/web has it: what its pages show and do, in Chromium.
-- `make pictures` has what they look like written into docs/pictures.
-- Runs once: it tests no Lua.

if not require "support.json".is_there "the chat in a browser" then return end

local pages = require "support.chat_pages"

local write, await_shown, shown = pages.write, pages.await_shown, pages.shown

-- Writes a picture of a page, where they are wanted.
local function keep (page, name)
  local folder = os.getenv "PICTURES"
  if folder then page:screenshot(folder .. "/" .. name .. ".png") end
end

describe("the chat in a browser", function ()
  local open, both = pages.in_browser { width = 440, height = 760 }

  it("tells that the connection is lost, and that it is back", function ()
    local ann = both()
    write(ann, "one")
    await_shown(ann, 1)
    ann:click "#kill"
    ann:await "/is lost/.test(state.textContent)"
    assert.equal("status", ann:evaluate "state.closest('[role]').role")
    keep(ann, "chat-lost")
    ann:click "#start"
    ann:await "state.textContent === 'Connected again.'"
    assert.same({ "nection is lost", "connected again" }, ann:evaluate
      "[...document.querySelectorAll('.note')].map(li => li.textContent.slice(-15).trim())")
    ann:await "state.textContent === ''"
  end)

  it("shows pictures that are chosen, dropped and pasted, and shows them large", function ()
    local ann, doctor = both()
    ann:choose("#files", { pages.picture })
    await_shown(ann, 1)
    ann:drop("#scroll", { pages.picture })
    await_shown(ann, 2)
    pages.paste_drawing(ann)
    await_shown(ann, 3)
    await_shown(doctor, 3)
    assert.same(shown(ann), shown(doctor))
    assert.equal(3, doctor:evaluate
      "[...document.querySelectorAll('.picture img')].filter(i => i.naturalWidth >= 48).length")
    doctor:click "li:nth-child(3) .picture"
    doctor:await "large.open"
    assert.same({ 360, 220 }, doctor:evaluate "[shown.naturalWidth, shown.naturalHeight]")
    keep(doctor, "chat-large")
    doctor:key "Escape"
    doctor:await "!large.open"
    assert.same({}, pages.errors(doctor))
  end)

  it("makes a large picture smaller, and refuses what is none", function ()
    local ann = both()
    ann:evaluate [[(async () => {
      const canvas = new OffscreenCanvas(4000, 2000)
      canvas.getContext("2d").fillRect(10, 10, 3000, 1500)
      const file = new File([await canvas.convertToBlob()], "large.png", { type: "image/png" })
      const data = new DataTransfer()
      data.items.add(file)
      files.files = data.files
      files.dispatchEvent(new Event("change"))
    })()]]
    await_shown(ann, 1)
    assert.same({ 1600, 800 }, ann:evaluate
      "(i => [i.naturalWidth, i.naturalHeight])(document.querySelector('.picture img'))")
    ann:drop("#scroll", { pages.no_picture })
    ann:await "/cannot be sent/.test(trouble.textContent)"
    assert.equal("alert", ann:evaluate "trouble.role || trouble.getAttribute('role')")
  end)

  it("shows what comes behind a message whose URL and time are none", function ()
    local ann, doctor = both()
    doctor:evaluate [[(() => {
      const send = WebSocket.prototype.send
      WebSocket.prototype.send = function (data) {
        return send.call(this, String(data).replace(/"sendTime":\d+/, '"sendTime":1e300'))
      }
      const room = talk.rooms.keys().next().value
      for (const url of ["http://", "https:", "http://[", "javascript:alert(1)"])
        talk.image(url, { room })
      talk.text("<img src=x onerror=alert(1)>", { room })
    })()]]
    await_shown(ann, 5)
    assert.equal(0, ann:evaluate "document.querySelectorAll('#log img, #log a').length")
    assert.same({}, pages.errors(ann))
  end)

  it("tells who is there, who types, and what is received, read and unread", function ()
    local ann, doctor = both()
    ann:await "presence.textContent === 'online'"
    doctor:click "#text"
    doctor:type "G"
    ann:await "!typing.hidden && typing.textContent === 'Dr. Weber types …'"
    doctor:key "Enter"
    ann:await "typing.hidden"
    await_shown(doctor, 1)                                  -- read: ann looks at it
    ann:focus(false)
    ann:evaluate "document.hasFocus = () => false"
    write(doctor, "Are you there?")
    await_shown(ann, 2)
    doctor:await "document.querySelector('li:nth-child(2) .mark').textContent.trim() === '✓'"
    ann:await "document.title === '(1) Dr. Weber'"
    ann:evaluate "document.hasFocus = () => true"
    ann:focus(true)
    ann:evaluate "dispatchEvent(new Event('focus'))"
    await_shown(doctor, 2)
    ann:await "document.title === 'Dr. Weber'"
    doctor:close()
    ann:await "presence.textContent === 'not there'"
  end)

  it("tells the doctor of each customer what is unread", function ()
    local ann, doctor = both()
    local ben = open("43")
    write(ann, "Good morning, doctor. My wrist hurts since Sunday.")
    await_shown(ann, 1)
    write(doctor, "Good morning, Ann. Please send me a picture of it.")
    pages.paste_drawing(ann)
    await_shown(ann, 3)
    write(ben, "hello")
    await_shown(ben, 1, "✓")
    doctor:await "document.querySelectorAll('#rooms button').length === 2"
    doctor:await "document.querySelector('#rooms').textContent === 'AnnBen1 unread'"
    keep(doctor, "chat-doctor")
    doctor:click "#rooms button:nth-child(2)"
    await_shown(ben, 1)
    assert.same({ "43: hello" }, shown(doctor))
    assert.equal("true", doctor:evaluate
      "document.querySelector('#rooms button:nth-child(2)').getAttribute('aria-current')")
  end)

  -- A conversation that shows what there is.
  local function converse (ann, doctor)
    write(ann, "Good morning, doctor. My wrist hurts since Sunday.")
    await_shown(doctor, 1, "✓✓")
    write(doctor, "Good morning, Ann. Please send me a picture of it.")
    await_shown(ann, 2)
    pages.paste_drawing(ann)
    await_shown(doctor, 3)
    write(doctor, "I see it. Can you move all fingers?")
    await_shown(ann, 4)
    ann:click "#kill"
    ann:await "/is lost/.test(state.textContent)"
    write(ann, "Yes, all of them.")
    ann:click "#start"
    await_shown(ann, 5)
    doctor:type "I"
    ann:await "!typing.hidden"
  end

  it("is for the keyboard", function ()
    local ann, doctor = both()
    for i = 1, 3 do write(doctor, "message " .. i) end
    await_shown(doctor, 3)
    ann:click "#text"
    ann:type "one"
    ann:key "Shift+Enter"
    ann:type "two"
    ann:key "Enter"
    await_shown(ann, 4)
    assert.same("42: one\ntwo", shown(ann)[4])
    assert.equal("text", ann:evaluate "document.activeElement.id")
    local function focused () return ann:evaluate "document.activeElement.textContent" end
    repeat ann:key "Shift+Tab" until ann:evaluate "document.activeElement.id" == "scroll"
    ann:key "Home"
    assert.matches("message 1", focused())
    ann:key "ArrowDown"
    assert.matches("message 2", focused())
    ann:key "End"
    assert.matches("one", focused())
    ann:key "ArrowUp"
    assert.matches("message 3", focused())
    write(doctor, "message 4")
    await_shown(doctor, 4)
    assert.matches("message 3", focused())           -- what comes takes no focus
    ann:key "Escape"
    assert.equal("text", ann:evaluate "document.activeElement.id")
  end)

  it("is for a screen reader", function ()
    local ann, doctor = both()
    write(doctor, "Good morning.")
    await_shown(doctor, 1)
    ann:await "announcer.textContent === 'Dr. Weber: Good morning.'"
    assert.equal("polite", ann:evaluate "announcer.getAttribute('aria-live')")
    write(ann, "Good morning, doctor.")
    await_shown(ann, 2)
    ann:reload()
    ann:await "document.querySelectorAll('.message').length === 2"
    assert.equal("", ann:evaluate "announcer.textContent")     -- what is old is not told again
    ann:await "!server.hidden"
    local told = {}
    for _, node in ipairs(ann:accessibility()) do
      told[node.role .. " " .. (node.name or ""):match "^%s*(.-)%s*$"] = true
    end
    for _, wanted in ipairs {
      "log Messages", "textbox Message", "button Send a picture", "button Send", "status ",
      "heading Dr. Weber", "group The chat's server", "StaticText Dr. Weber:",
      "StaticText You:", "StaticText , read",
    } do assert.is_true(told[wanted], wanted) end
    for name in pairs(told) do assert.not_matches("✓", name) end
  end)

  it("fits 320 pixels, and can be read, light and dark", function ()
    local ann, doctor = both(nil, { width = 440, height = 880 })
    converse(ann, doctor)
    keep(ann, "chat")
    for _, is_dark in ipairs { false, true } do
      for _, page in ipairs { ann, doctor } do
        page:media { dark = is_dark }
        local least, worst = page:contrast()
        assert.is_true(least >= 4.5, worst)
      end
      if is_dark then keep(ann, "chat-dark") end
    end
    for _, width in ipairs { 320, 1280 } do
      assert.equal(0, (ann:overflow(width)), select(2, ann:overflow(width)))
    end
    ann:click "#kill"
    ann:await "/is lost/.test(state.textContent)"
    for _, is_dark in ipairs { true, false } do
      ann:media { dark = is_dark }
      local least, worst = ann:contrast()
      assert.is_true(least >= 4.5, worst)
    end
    local most, out = ann:overflow(320, 568)
    assert.equal(0, most, out)
    assert.is_true(ann:evaluate "document.scrollingElement.scrollHeight <= innerHeight")
    keep(ann, "chat-narrow")
    ann:media { reduced = true }
    assert.equal("none", ann:evaluate
      "getComputedStyle(document.querySelector('.is-new') ?? document.body).animationName")
    assert.same({}, pages.errors(ann))
  end)

  it("loads nothing from elsewhere, and runs nothing that is written in a message", function ()
    local ann, doctor = both()
    write(ann, "<img src=x onerror='document.title=1'><script>document.title=2</script>")
    ann:evaluate "talk.image('http://127.0.0.1:9/picture.png', { room: [...talk.rooms.keys()][0] })"
    ann:evaluate "talk.image('javascript:document.title=3', { room: [...talk.rooms.keys()][0] })"
    await_shown(doctor, 3)
    assert.same(0, doctor:evaluate "document.querySelectorAll('#log img, #log script').length")
    assert.equal("http://127.0.0.1:9/picture.png", doctor:evaluate
      "document.querySelector('#log a').href")
    assert.equal(1, doctor:evaluate "document.querySelectorAll('#log a').length")
    assert.matches("Ann", doctor:evaluate "document.title")
    assert.same({}, pages.errors(doctor))
    ann:evaluate [[document.head.append(Object.assign(document.createElement("script"),
      { textContent: "document.title = 4" }))]]
    ann:evaluate "document.body.setAttribute('style', 'color: red')"
    assert.matches("Dr. Weber", ann:evaluate "document.title")
    assert.equal(2, #pages.errors(ann))
    for _, text in ipairs(pages.errors(ann)) do assert.matches("Content Security Policy", text) end
  end)
end)
