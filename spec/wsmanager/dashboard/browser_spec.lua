-- The dashboard in a browser: figures that move, rows that open and close, what peers say
-- of themselves, keyboard, narrow and dark.

if not require "support.json".is_there "the browser" then return end

local chromium = require "support.chromium"
local ours = require "support.ours"
local peers = require "support.peers"
local wsmanager = require "wsmanager"

local run, LONG = wsmanager.run, ours.LONG

local HOSTILE = "<img src=x onerror='window.hurt=1'><script>window.hurt=1</script>"

describe("the dashboard's page", function ()
  local browser, server, url, all

  setup(function () browser = chromium.start() end)

  teardown(function ()
    browser:stop()
    peers.stop()
  end)

  before_each(function () all = {} end)

  after_each(function ()
    for _, ws in ipairs(all) do ws:close() end
    ours.stop()
  end)

  local function serve (options)
    options.authorize = function () return "ann" end
    server, url = ours.serve {page = {["/status"] = wsmanager.dashboard(options)}}
  end

  local function open (path, options)
    options = options or {}
    options.url, options.reconnect = url .. path, false
    local ws = wsmanager.new(options)
    assert(ws:opened(LONG))
    all[#all + 1] = ws
    return ws
  end

  local function show (options)
    return browser:open("http://127.0.0.1:" .. server.port .. "/status", options)
  end

  local function rows (page, count)
    page:await("document.querySelectorAll('#body .open').length === " .. count)
  end

  it("shows what peers say as text, whatever it is", function ()
    run(function ()
      serve {close = true, label = function () return HOSTILE end, title = HOSTILE}
      open("/" .. HOSTILE:gsub("[<> ]", function (c) return ("%%%02X"):format(c:byte()) end)
           .. "?q=<script>window.hurt=1</script>",
           {headers = {["User-Agent"] = HOSTILE, Origin = "http://<b>"}})
      open("/", {headers = {["User-Agent"] = HOSTILE}}):close(4000, HOSTILE)
      local page = show()
      rows(page, 1)
      page:click "#body .open"
      page:await "document.querySelectorAll('#details dd').length > 10"
      page:await(("document.querySelector('#details').textContent.includes(%q)"):format(HOSTILE))
      page:click "[data-view=ended]"
      page:await(("document.querySelector('#body').textContent.includes(%q)"):format(HOSTILE))
      assert.equal(HOSTILE, page:evaluate "document.title")
      assert.equal("undefined", page:evaluate "typeof window.hurt")
      assert.equal(0, page:evaluate "document.querySelectorAll('#body img, #body script').length")
      assert.same({}, page.errors)
      page:close()
    end)
  end)

  it("runs no script but its own", function ()
    run(function ()
      serve {}
      local page = show()
      page:await "document.querySelector('#state').textContent.startsWith('live')"
      page:evaluate [[(() => {
        const one = document.createElement("script")
        one.textContent = "window.hurt = 1"
        document.body.append(one)
        document.body.insertAdjacentHTML("beforeend", "<img src=y onerror='window.hurt = 1'>")
        document.body.setAttribute("style", "color: red")
      })()]]
      page:await "document.querySelector('img').complete"
      assert.equal("undefined", page:evaluate "typeof window.hurt")
      local blocked = 0
      for _, text in ipairs(page.errors) do
        if text:find "Content Security Policy" then blocked = blocked + 1 end
      end
      assert.is_true(blocked >= 3, table.concat(page.errors, "\n"))
      page:close()
    end)
  end)

  it("goes on by itself, and says when it cannot", function ()
    run(function ()
      serve {}
      local ws = open "/"
      local page = show()
      rows(page, 1)
      local samples = "document.querySelector('svg .one').getAttribute('d').split('L').length"
      page:await(samples .. " > 2")
      ws:send "x"
      page:await "document.querySelector('#body').textContent.includes('2.00 k') === false"
      open "/second"
      rows(page, 2)
      page:click "#pause"
      page:await "document.querySelector('#state').textContent === 'paused'"
      page:click "#pause"
      page:await "document.querySelector('#state').textContent.startsWith('live')"
      local port = server.port
      server:stop()
      page:await "document.querySelector('#state').textContent.startsWith('lost')"
      assert(wsmanager.serve {
        host = "127.0.0.1", port = port,
        page = {["/status"] = wsmanager.dashboard {authorize = function () return true end}},
      })
      page:await "document.querySelector('#state').textContent.startsWith('live')"
      page:close()
    end)
    ours.stop()
    for _, one in pairs(require "wsmanager.run.scheduler".servers) do one:stop(0) end
  end)

  it("lives at an address with a name and a password, too", function ()
    run(function ()
      serve {close = true}
      open "/"
      local page = browser:open("http://ann:secret@127.0.0.1:" .. server.port .. "/status")
      rows(page, 1)
      page:click "#body .open"
      page:await "document.querySelector('#details [data-key=close]')"
      page:click "#details [data-key=close]"
      page:click "#details [data-key=sure]"
      page:await "document.querySelector('#done').textContent.endsWith('done')"
      assert.same({}, page.errors)
      page:close()
    end)
  end)

  it("closes a connection after it was asked twice, by the keyboard alone", function ()
    run(function ()
      serve {close = true}
      local ws = open("/", {headers = {["User-Agent"] = "this one"}})
      open "/other"
      local page = show()
      rows(page, 2)
      page:click "#table-heading"
      page:evaluate [[[...document.querySelectorAll("#body tr")]
        .find(row => row.textContent.includes("this one")).querySelector(".open").focus()]]
      page:key "Enter"
      page:await "document.querySelector('#details [data-key=close]')"
      local focused = "document.activeElement.dataset.key"
      assert.matches("^open%-", page:evaluate(focused))
      page:key "Tab"
      assert.equal("close", page:evaluate(focused))
      page:key "Enter"
      page:await(focused .. " === 'sure'")
      assert.equal("open", ws.state)
      page:key "Tab"
      assert.equal("no", page:evaluate(focused))
      page:key "Enter"
      page:await(focused .. " === 'close'")
      page:key "Enter"
      page:await(focused .. " === 'sure'")
      page:key "Enter"
      local code, reason = ws:closed(LONG)
      assert.same({1008, "closed by an operator"}, {code, reason})
      rows(page, 1)
      page:await "document.querySelector('#done').textContent.endsWith('done')"
      assert.same({}, page.errors)
      page:close()
    end)
  end)

  it("has no button that closes where it only reads", function ()
    run(function ()
      serve {}
      open "/"
      local page = show()
      rows(page, 1)
      page:click "#body .open"
      page:await "document.querySelectorAll('#details dd').length > 10"
      assert.equal(0, page:evaluate "document.querySelectorAll('.bad[data-key]').length")
      assert.matches("only reads", page:evaluate "document.querySelector('#note').textContent")
      page:close()
    end)
  end)

  it("is refused what another origin asks for", function ()
    run(function ()
      serve {close = true}
      local ws = open "/"
      local stranger = ours.serve {handler = false, page = {
        ["/"] = function () return 200, "<title>x</title>", {["Content-Type"] = "text/html"} end,
      }}
      local page = browser:open("http://127.0.0.1:" .. stranger.port .. "/")
      local target = "http://127.0.0.1:" .. server.port .. "/status/"
      local read = ([[fetch(%q + "look").then(() => "read", () => "refused")]]):format(target)
      assert.equal("refused", page:evaluate(read))
      local id, other
      for number, each in server:clients() do id, other = number, each end
      for _, mode in ipairs {"no-cors", "cors"} do
        page:evaluate(([[fetch(%q + "close", { method: "POST", body: "%.0f", mode: %q })
          .catch(() => 0)]]):format(target, id, mode))
      end
      page:evaluate(([[document.body.append(Object.assign(document.createElement("iframe"),
        { src: %q }))]]):format(target))
      page:await "document.querySelector('iframe')"
      assert.same({"open", "open"}, {ws.state, other.state})
      page:close()
    end)
  end)

  it("has an order and pages, made by the server", function ()
    run(function ()
      serve {}
      for i = 1, 30 do
        local ws = open("/", {headers = {["User-Agent"] = "agent " .. i}})
        for _ = 1, i do
          ws:send "x"
          ws:receive(LONG)
        end
      end
      local page = show()
      rows(page, 25)
      page:click "[data-key=sort-messages_in]"
      page:await "document.querySelector('#body tr').textContent.includes('agent 30')"
      page:click "#behind"
      rows(page, 5)
      assert.equal("26 to 30 of 30", page:evaluate "document.querySelector('#place').textContent")
      page:click "[data-key=sort-messages_in]"
      page:await "document.querySelector('#body tr').textContent.includes('agent 1')"
      page:await "document.querySelector('[aria-sort=ascending]')"
      page:click "#word"
      page:type "AGENT 17"
      rows(page, 1)
      page:close()
    end)
  end)

  it("can be read and fits, narrow and dark", function ()
    run(function ()
      serve {close = true, clients = true, title = "Status"}
      open("/", {headers = {["User-Agent"] = ("long "):rep(50)}})
      for _, dark in ipairs {false, true} do
        local page = show {dark = dark}
        rows(page, 1)
        page:click "#body .open"
        page:await "document.querySelectorAll('#details dd').length > 10"
        for _, width in ipairs {320, 1280} do
          local most, why = page:overflow(width)
          assert.equal(0, most, why)
          local least, worst = page:contrast()
          assert.is_true(least >= 4.5, worst)
        end
        page:close()
      end
    end)
  end)

  it("names what it has to a screen reader", function ()
    run(function ()
      serve {}
      open "/"
      local page = show()
      rows(page, 1)
      local found = {}
      for _, node in ipairs(page:accessibility()) do
        found[tostring(node.role) .. " " .. tostring(node.name)] = true
      end
      for _, wanted in ipairs {
        "heading Connections", "searchbox Search", "button Pause", "navigation Pages of the table",
        "group What the table shows",
      } do
        assert.is_true(found[wanted], wanted)
      end
      page:close()
    end)
  end)
end)
