-- The page of `wsm serve room`, in Chromium: two people, and what they type.
-- Runs once: it tests no Lua.

if not require "support.json".is_there "Chromium" then return end

local chromium = require "support.chromium"
local measures = require "support.chromium.measures"
local wsm = require "support.wsm"

describe("the page of a room", function ()
  local browser, server

  setup(function ()
    browser = chromium.start()
    server = wsm.serve "room"
  end)

  teardown(function ()
    browser:stop()
    server:stop "KILL"
  end)

  local function open (profile)
    local page = browser:open("http://127.0.0.1:" .. server.port .. "/", { profile = profile })
    page:await "document.getElementById('state').textContent === 'connected'"
    return page
  end

  local function await (page, text)
    page:await(("document.getElementById('log').textContent.includes(%q)"):format(text))
  end

  it("shows all what each has typed, as text", function ()
    local anna, bob = open "anna", open "bob"
    anna:click "#text"
    anna:type "<b id=bad>hello</b>"
    anna:key "Enter"
    await(anna, "<b id=bad>hello</b>")
    await(bob, "<b id=bad>hello</b>")
    assert.is_false(bob:evaluate "!!document.getElementById('bad')")
    local output = wsm.run("-m 'from a shell' -c 3 ws://127.0.0.1:" .. server.port
      .. "/?name=shell")
    assert.truthy(output:find('"text":"from a shell"', 1, true), output)
    await(bob, "from a shell")
    assert.same({}, anna.errors)
    assert.same({}, bob.errors)
    anna:close()
    bob:close()
  end)

  it("takes another name, and keeps it", function ()
    local page = open "carla"
    page:click "#name"
    page:type "carla"
    page:key "Enter"
    page:evaluate "document.getElementById('name').blur()"
    await(page, "carla came")
    page:reload()
    page:await "document.getElementById('name').value === 'carla'"
    page:close()
  end)

  it("fits a narrow window, and can be read in light and dark", function ()
    local page = open "narrow"
    for _, dark in ipairs { false, true } do
      page:media { dark = dark }
      for _, width in ipairs { 320, 1280 } do
        local most, out = measures.overflow(page, width)
        assert.equal(0, most, out)
      end
      local least, worst = measures.contrast(page)
      assert.is_true(least >= 4.5, worst)
    end
    page:close()
  end)
end)
