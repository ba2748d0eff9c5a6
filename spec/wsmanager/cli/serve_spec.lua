-- `wsm serve`: with `wsm`, with peers that are not ours, and its page.

local files = require "support.files"
local peers = require "support.peers"
local wsm = require "support.wsm"
local wsmanager = require "wsmanager"

describe("wsm serve", function()
  local server

  after_each(function()
    if server then server:stop "KILL" end
    peers.stop()
  end)

  local function start(words)
    server = wsm.serve(words)
    assert.is_string(server.port, server.line)
    return "ws://127.0.0.1:" .. server.port .. "/"
  end

  it("is an echo, and says who comes and goes", function()
    local url = start ""
    assert.matches("^wsm: echo at ws://127%.0%.0%.1:%d+/$", server.line)
    assert.equal("hi\n", (wsm.run("-c 1 -m hi " .. url)))
    assert.equal("00ff\n", (wsm.run("-c 1 --hex -m 00ff " .. url)))
    local text, code = server:stop "INT"
    assert.matches("%+ 127%.0%.0%.1:%d+ %(1 connected%)\n.*%- 127%.0%.0%.1:%d+ 1000 %(0 conn", text)
    assert.equal(0, code)
  end)

  it("is an echo for a client that is not ours", function()
    local url = start "-z"
    local client = peers.start("python_client", { url = url, compress = true, script = {
      { "send", "one" }, { "receive" }, { "sendhex", "00ff" }, { "receive" }, { "close", 1000, "" },
    } })
    assert.equal("one", client:await("message").text)
    assert.equal("00ff", client:await("message").hex)
    assert.equal(1000, client:await("closed").code)
  end)

  it("closes with 1001 when it is stopped", function()
    local client = peers.start("python_client", { url = start "", script = { { "closed" } } })
    client:await "open"
    local _, code = server:stop()
    assert.equal(0, code)
    assert.equal(1001, client:await("closed").code)
  end)

  it("broadcasts to all others", function()
    local url = start "broadcast"
    local one = wsmanager.new { url = url, reconnect = false }
    local two = wsmanager.new { url = url, reconnect = false }
    assert(one:opened(20) and two:opened(20))
    one:send "from one"
    assert.equal("from one", (two:receive(20)))
    two:send "from two"
    assert.equal("from two", (one:receive(20)))
    one:close()
    two:close()
  end)

  it("has a room, that tells who comes and what was said before", function()
    local url = start "room"
    local anna = wsmanager.new { url = url .. "?name=anna", decode = "json", reconnect = false }
    assert.same({ joined = "anna" }, (anna:receive(20)))
    anna:send(wsmanager.array { 1 })
    assert.same({ from = "anna", text = "[1]" }, (anna:receive(20)))
    local bob = wsmanager.new { url = url .. "?name=%07%20bob", decode = "json", reconnect = false }
    assert.same({ from = "anna", text = "[1]" }, (bob:receive(20)))
    assert.same({ joined = "bob" }, (bob:receive(20)))
    bob:close()
    assert.same({ joined = "bob" }, (anna:receive(20)))
    assert.same({ left = "bob" }, (anna:receive(20)))
    anna:close()
  end)

  it("has a page, in which nothing but its own script runs", function()
    start "room"
    local pages = { ["/"] = "html", ["/room.js"] = "javascript", ["/room.css"] = "css" }
    for path, kind in pairs(pages) do
      local response = assert(wsmanager.fetch("http://127.0.0.1:" .. server.port .. path))
      assert.equal(200, response.status)
      assert.matches(kind, response.headers["content-type"])
      local policy = response.headers["content-security-policy"]
      assert.truthy(policy:find("script-src 'self';", 1, true))
      assert.is_nil(policy:find "unsafe")
    end
  end)

  it("refuses the pages of others in a room", function()
    local url = start "room"
    local _, errors, code = wsm.run("-n -o http://other.example " .. url)
    assert.equal(5, code)
    assert.matches("403", errors)
  end)

  it("says what it cannot serve", function()
    local _, errors, code = wsm.run "serve ehco"
    assert.equal("wsm: serve what? echo, broadcast or room, not 'ehco'\n", errors)
    assert.equal(1, code)
    _, errors, code = wsm.run("serve -p " .. start(""):match ":(%d+)")
    assert.matches("^wsm: refused: ", errors)
    assert.equal(3, code)
  end)
end)

describe("wsm bench", function()
  it("counts echoes and round trips, and writes them as JSON", function()
    local echoes = peers.start("node_server", {})
    local output, errors, code = wsm.run("bench -c 2 -n 4 --size 100 -d 1.2 ws://127.0.0.1:"
      .. echoes.port .. "/echo")
    peers.stop()
    assert.equal(0, code, errors)
    assert.matches("^ +%d+ s +%d+ msg/s +p50 [%d.e-]+ ?m?s? +p99 [%d.e-]+ ?m?s? +%d open\n", errors)
    local codec = require "wsmanager.base.codec"
    local result = codec.json().decode(output)
    assert.equal(2, result.connections)
    assert.equal(100, result.size)
    assert.equal(0, result.other_sizes)
    assert.is_true(result.messages > 0)
    local trip = result.round_trip_seconds
    assert.is_true(trip.min <= trip.p50 and trip.p50 <= trip.p99 and trip.p99 <= trip.max)
    assert.same({}, result.failed)
  end)

  it("leaves with the token's number when nobody is there, or nothing comes back", function()
    local _, errors, code = wsm.run "bench -q -d 5 ws://127.0.0.1:1/"
    assert.matches("^wsm: 10 connections: refused\nwsm: refused: connection to ", errors)
    assert.equal(3, code)
    local silent = peers.start("python_server", {})
    _, errors, code = wsm.run("bench -q -d 0.3 ws://127.0.0.1:" .. silent.port .. "/silent")
    peers.stop()
    assert.matches("is it an echo server", errors)
    assert.equal(6, code)
  end)

  it("has percentiles that are right but for 3 %", function()
    local found = require("wsmanager.cli.histogram").new()
    assert.is_nil(found:percentile(50))
    for i = 1, 1000 do found:add(i / 1000) end
    for _, percent in ipairs { 1, 50, 90, 99 } do
      local exact = percent / 100
      assert.is_true(math.abs(found:percentile(percent) - exact) <= exact * 0.031)
    end
    assert.equal(1, found:percentile(100))
  end)
end)

describe("wsm completion", function()
  local function complete(shell, script)
    local path = wsm.file((wsm.run("completion " .. shell)))
    local pipe = io.popen(shell .. " -c " .. wsm.quote((script:gsub("FILE", path))) .. " 2>&1")
    local text = pipe:read "*a"
    pipe:close()
    os.remove(path)
    return text
  end

  it("completes options, commands and choices in bash", function()
    local function bash(words, index)
      return (complete("bash", "source FILE; COMP_WORDS=(" .. words .. "); COMP_CWORD=" .. index
        .. "; _wsm; echo ${COMPREPLY[@]}"))
    end
    assert.equal("--header --header-file\n", bash("wsm --hea", 1):gsub(" %-%-heartbeat", ""))
    assert.equal("serve\n", bash("wsm ser", 1))
    assert.equal("room\n", bash("wsm serve r", 2))
    assert.equal("always\n", bash("wsm --color al", 2))
    assert.equal("--size\n", bash("wsm bench --si", 2))
  end)

  it("completes them in fish", function()
    local text = complete("fish", "source FILE; complete -C 'wsm --head'; complete -C 'wsm ser';"
      .. " complete -C 'wsm serve ro'; complete -C 'wsm --color al'")
    for _, word in ipairs { "--header\t", "--header-file\t", "serve\t", "room", "always" } do
      assert.truthy(text:find(word, 1, true), text)
    end
  end)

  it("is a script that zsh can read", function()
    assert.equal("", (complete("zsh", "zsh -n FILE")))
    local text = complete("zsh", "compdef() { print $*; }; source FILE; print ${+functions[_wsm]}")
    assert.equal("_wsm wsm\n1\n", text)
  end)

  it("knows no other shell", function()
    local _, errors, code = wsm.run "completion csh"
    assert.matches("bash, zsh or fish", errors)
    assert.equal(1, code)
  end)
end)

it("docs/wsm.md names every exit code, option and command", function()
  local options = require "wsmanager.cli.options"
  local text = files.read "docs/wsm.md"
  local exits = require "wsmanager.cli.exits"
  for token, code in pairs(exits) do
    -- these are wsm's own, and no tokens of the module
    local is_own = token == "ok" or token == "usage" or token == "output"
    local row = ("| %s |%s"):format(tostring(code), is_own and " |" or " `" .. token .. "` |")
    local is_there = text:find(row, 1, true) ~= nil
    assert.equal(type(code) == "number", is_there, row)
  end
  for name in pairs(options.commands) do
    if name ~= "talk" then assert.truthy(text:find("wsm " .. name, 1, true), name) end
  end
end)
