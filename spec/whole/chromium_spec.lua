-- What specs of pages stand on: support/chromium.lua, and that what it measures is so.
-- Runs once: it tests no Lua.

if not require "support.json".is_there "Chromium" then return end

local wsmanager = require "wsmanager"
local bots = require "support.bots"
local chromium = require "support.chromium"
local files = require "support.files"

describe("Chromium", function ()
  local browser, folder

  setup(function ()
    folder = bots.folder()
    browser = chromium.start()
  end)

  teardown(function ()
    browser:stop()
    bots.stop()
  end)

  local function write (name, text)
    local path = folder .. "/" .. name
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
    return path
  end

  local function open (body, options)
    local path = write("page.html", "<!doctype html><meta charset=utf-8><title>a page</title>"
      .. body)
    return browser:open("file://" .. path, options)
  end

  it("evaluates JavaScript, and waits for promises", function ()
    local page = open "<p>hello"
    assert.equal("hello", page:evaluate "document.querySelector('p').textContent")
    assert.same({ a = { 1, 2 } }, page:evaluate "Promise.resolve({ a: [1, 2] })")
    assert.is_nil(page:evaluate "undefined")
    assert.equal(wsmanager.null, page:evaluate "null")
    assert.error_matches(function () page:evaluate "nonsense()" end,
      "ReferenceError: nonsense is not defined")
    assert.error_matches(function () page:evaluate("new Promise(() => 0)", 0.01) end,
      "Runtime.evaluate: .+")
    page:close()
  end)

  it("waits for what is to come, over a reload, too", function ()
    local page = open [[<script>
      const n = Number(sessionStorage.getItem("n") || 0)
      sessionStorage.setItem("n", n + 1)
      onload = () => setTimeout(() => {
        if (n < 2) location.reload()
        else document.body.append("it is here")
      })
    </script>]]
    assert.is_true(page:await "document.body && /it is here/.test(document.body.innerText)")
    assert.equal("3", page:await "sessionStorage.getItem('n')")
    assert.error_matches(function () page:await("false", 0.05) end, "waiting for false: ")
    page:close()
  end)

  it("collects what goes wrong in the page", function ()
    local page = open [[
      <meta http-equiv="Content-Security-Policy" content="script-src 'unsafe-inline'">
      <script>console.error("one", 2); console.log("nothing")
      setTimeout(() => { throw new Error("three") })
      eval("4")</script>]]
    page:await "document.readyState === 'complete'"
    page:evaluate "new Promise(resolve => setTimeout(resolve))"
    local all = table.concat(page.errors, "\n")
    assert.matches("one 2", all)
    assert.matches("Error: three", all)
    assert.matches("Content Security Policy", all)
    assert.not_matches("nothing", all)
    page:close()
  end)

  it("has the size that is set, and is light or dark", function ()
    local page = open("<p>hello", { width = 320, height = 500, dark = true })
    local function look ()
      return page:evaluate [[ [innerWidth, innerHeight, devicePixelRatio,
        matchMedia("(prefers-color-scheme: dark)").matches,
        matchMedia("(prefers-reduced-motion: reduce)").matches] ]]
    end
    assert.same({ 320, 500, 1, true, false }, look())
    page:size(1280, 700, 2)
    page:media { reduced = true }
    assert.same({ 1280, 700, 2, false, true }, look())
    page:close()
  end)

  it("types, presses keys, clicks, chooses and drops files", function ()
    local one, other = write("one.txt", "1"), write("other.txt", "22")
    local page = open [[<input id=text><button>b</button><input type=file id=file>
      <div id=place style="height:100px">here</div>
      <script>
        const seen = []
        text.onkeydown = event => seen.push((event.shiftKey ? "Shift+" : "") + event.key)
        document.querySelector("button").onclick = () => seen.push("click")
        file.onchange = () => seen.push(file.files[0].name + file.files[0].size)
        place.ondragover = event => event.preventDefault()
        place.ondrop = event => {
          event.preventDefault()
          for (const f of event.dataTransfer.files) seen.push(f.name + f.size)
        }
      </script>]]
    page:click "#text"
    page:type "grüß "
    page:key "a"
    page:key "Enter"
    page:key "Shift+Tab"
    page:click "button"
    page:choose("#file", { one })
    page:drop("#place", { one, other })
    page:await "seen.length >= 7"
    assert.equal("grüß a", page:evaluate "text.value")
    assert.same({ "a", "Enter", "Shift+Tab", "click", "one.txt1", "one.txt1", "other.txt2" },
      page:evaluate "seen")
    page:close()
  end)

  it("gives storage to the pages of one profile, and not to others", function ()
    local ann = open("", { profile = "ann" })
    ann:evaluate "localStorage.setItem('name', 'ann')"
    local too, bob = open("", { profile = "ann" }), open("", { profile = "bob" })
    assert.equal("ann", too:evaluate "localStorage.getItem('name')")
    assert.equal(wsmanager.null, bob:evaluate "localStorage.getItem('name')")
    for _, page in ipairs { ann, too, bob } do page:close() end
  end)

  it("makes pictures", function ()
    local page = open("<p>hello", { width = 200, height = 100, scale = 2 })
    local path = folder .. "/picture.png"
    page:screenshot(path)
    local png = files.read(path)
    assert.equal("\137PNG\r\n\26\n", png:sub(1, 8))
    assert.same({ 0, 0, 1, 144, 0, 0, 0, 200 }, { png:byte(17, 24) })   -- 400 x 200
    page:close()
  end)

  it("tells what a screen reader is told", function ()
    local page = open "<main><button aria-label='Send it'>x</button></main>"
    local found
    for _, node in ipairs(page:accessibility()) do
      found = found or node.role == "button" and node.name
    end
    assert.equal("Send it", found)
    page:close()
  end)

  describe("measures", function ()
    it("what sticks out at the side", function ()
      local page = open [[<body style="margin:0"><div id=wide style="width:500px">wide</div>
        <div style="overflow-x:auto"><div style="width:900px">scrolls by itself</div></div>]]
      local most, out = page:overflow(320)
      assert.equal(180, most)
      assert.equal('div#wide 180 "wide"', out)
      assert.equal(0, (page:overflow(500)))
      page:close()
    end)

    it("what sticks out though the page does not scroll there", function ()
      local page = open [[<style>body { overflow-x: hidden; margin: 0 }</style>
        <div style="width:400px">cut off</div>]]
      assert.equal(80, (page:overflow(320)))
      page:close()
    end)

    local function contrast (body, options)
      local page = open(body, options)
      local least, worst, count = page:contrast()
      page:close()
      return tonumber(("%.2f"):format(least)), worst, count
    end

    it("contrast, as WCAG has it", function ()
      assert.equal(21, (contrast "<p style='color:#000'>x"))
      assert.equal(4.54, (contrast "<p style='color:#767676'>x"))
      assert.equal(1, (contrast "<p style='color:#fff'>x"))
      assert.equal(21, (contrast "<body style='background:#000;color:#fff'>x"))
    end)

    it("what is half transparent, over what is behind it", function ()
      assert.equal(4, (contrast "<p style='color:rgb(0 0 0 / 50%)'>x"))
      assert.equal(3.98, (contrast "<div style='opacity:0.5;color:#000'><p>x</div>"))
      assert.equal(5.24, (contrast
        "<p style='color:#000;background:rgb(0 0 0 / 50%)'>x"))
    end)

    it("the worst of a gradient, and text over a picture as none", function ()
      assert.equal(1, (contrast
        "<p style='color:#fff;background:linear-gradient(#000,#fff)'>x"))
      assert.equal(0, (contrast
        "<p style='background:url(data:image/gif;base64,R0lGODlhAQABAAAAACw=)'>x"))
    end)

    it("placeholders, values, and what the style sheet writes", function ()
      local least, worst, count = contrast [[<style>
          ::placeholder { color: #ccc } b::before { content: "!"; color: #ddd }
        </style><input placeholder="name"><input value="v" style="color:#eee"><b>x</b>]]
      assert.equal(1.16, least)
      assert.equal('1.16 input "v"\n1.36 b "!"\n1.61 input "name"\n21.00 b "x"', worst)
      assert.equal(4, count)
    end)

    it("the dark page as it is", function ()
      assert.equal(1, (contrast("<meta name=color-scheme content='light dark'>"
        .. "<p style='color:#121212'>x", { dark = true })))
    end)

    it("only what is seen", function ()
      local _, _, count = contrast [[<p hidden>x<p style="visibility:hidden">x
        <p style="opacity:0">x<p style="display:none">x<button disabled>x</button>]]
      assert.equal(0, count)
    end)
  end)
end)
