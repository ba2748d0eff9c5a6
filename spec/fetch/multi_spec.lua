local wsmanager = require "wsmanager"
local certificates = require "support.certificates"
local files = require "support.files"
local ours = require "support.ours"
local peers = require "support.peers"
local programs = require "support.programs"
local turns = require "support.turns"
local web = require "support.web"

local run, spawn = wsmanager.run, wsmanager.spawn

local START = [[
local w = require "wsmanager"
local processes = require "processes"
local function port_of (url)
  local response, _, why = w.fetch(url .. "/echo", {timeout = 30})
  assert(response, why)
  return response:json().port
end
]]

local preload = assert(files.module("names"))

local function ends_well(program, prefix)
  assert.equal("status 0\n", programs.run(START .. program, prefix))
end

-- Makes n requests at once; how often each port was seen.
local function at_once(n, url, options)
  local ports, done, failed = {}, 0, nil
  for _ = 1, n do
    spawn(function()
      local response, _, why = wsmanager.fetch(url, options)
      done, failed = done + 1, failed or why
      if not response then return end
      local port = response:json().port
      ports[port] = (ports[port] or 0) + 1
    end)
  end
  ours.await(function() return done == n end)
  assert.is_nil(failed)
  local count = 0
  for _ in pairs(ports) do count = count + 1 end
  return count
end

describe("the connections of fetch", function()
  local made

  setup(function() made = certificates.make() end)
  teardown(function() made:remove() end)
  before_each(ours.hush)
  after_each(function()
    ours.stop()
    peers.stop()
  end)

  local function h2()
    local tls = { cert = made:path "good.pem", key = made:path "leaf.key" }
    return web.serve { tls = tls, h2 = true }
  end

  it("are used again", function()
    local server = web.serve()
    run(function()
      local port = web.echo(server.url .. "/echo").port
      assert.equal(port, web.echo(server.url .. "/echo", { json = {} }).port)
      assert.equal(200, web.get(server.url .. "/bytes/100000").status)
      assert.equal(port, web.echo(server.url .. "/echo").port)
    end)
    assert.equal(1, web.count(server, "connection"))
  end)

  it("are replaced where the server has ended them", function()
    local server = web.serve()
    run(function()
      for _ = 1, 5 do
        local port = web.get(server.url .. "/last"):json().port
        web.await(server, { event = "disconnected", port = port })
      end
    end)
    assert.equal(5, web.count(server, "connection"))
  end)

  it("are not used again after a response that was cut short", function()
    local server = web.serve()
    run(function()
      web.fails("toobig", server.url .. "/bytes/1000000", { limits = { body = 1000 } })
      web.fails("timeout", server.url .. "/silent", { timeout = 0.05 })
      web.echo(server.url .. "/echo")
    end)
    assert.is_true(web.count(server, "connection") >= 2)
  end)

  it("are at most 16 with one host; other requests wait", function()
    local server = web.serve()
    run(function()
      assert.is_true(at_once(100, server.url .. "/slow/5") <= 16)
    end)
    assert.is_true(web.count(server, "connection") <= 16)
  end)

  it("carry many requests at once over HTTP/2", function()
    local server = h2()
    local options = { tls = { ca = made:path "ca.pem" } }
    run(function()
      local response = web.get(server.url .. "/echo", options)
      assert.equal("2", response.version)
      assert.equal("", response.reason)
      assert.equal("2.0", response:json().version)
      assert.equal(1, at_once(100, server.url .. "/slow/5", options))
    end)
    assert.equal(1, web.count(server, "connection"))
  end)

  it("leave nothing open behind those that are kept", function()
    local server = web.serve()
    run(function()
      at_once(50, server.url .. "/slow/1")
      local before = turns.descriptors()
      for _ = 1, 10 do
        at_once(20, server.url .. "/slow/1")
        web.fails("timeout", server.url .. "/silent", { timeout = 0.001 })
        web.fails("closed", server.url .. "/reset")
      end
      assert.is_true(turns.descriptors() <= before + 16)
    end)
  end)

  it("go to the next address where one refuses", function()
    local server = web.serve()   -- on 127.0.0.1 alone; ::1 comes first
    run(function()
      local response = web.get("http://localhost:" .. server.port .. "/echo")
      assert.equal("localhost:" .. server.port, response:json().headers.host)
    end)
  end)

  it("keep no process waiting, and no turn busy, when nothing is under way", function()
    local server = web.serve()
    ends_well("local url = '" .. server.url .. "'" .. [[
      w.spawn(function () port_of(url) end)
      w.run()
      local loop = require "wsmanager.run.scheduler".loop()
      local last = w.now() + 45     -- a last timer of libcurl may still be set
      while loop:timeout() < 1 do
        assert(w.now() < last)
        w.sleep(0.05)
      end
      local before = loop:counters().turns
      w.sleep(0.05)                 -- a time in which nothing happens is what is tested
      assert(loop:counters().turns - before < 10)
      assert(loop:timeout() > 1)]])
  end)

  it("end with their Lua state", function()
    local server = web.serve()
    require "states".run(3, "local w = require 'wsmanager' assert(w.fetch('" .. server.url
      .. "/echo', {timeout = 60})) w.spawn(w.fetch, '" .. server.url .. "/silent') w.step(0) "
      .. "w.step(0) w.step(0)")
    run(function()
      ours.await(function()
        local ended = web.count(server, "disconnected")
        return ended >= 3 and ended == web.count(server, "connection")
      end)
    end)
  end)

  it("end with their loop, with the requests under way", function()
    local server = web.serve()
    ends_well("local url = '" .. server.url .. "'" .. [[
      local native = require "wsmanager.fetch.native".load()
      local core = require "wsmanager.core"
      local loop, multi = core.loop(), native.open()
      local function start (to)
        return native.start(multi, loop, 1, {
          url = url .. to, method = "GET", headers = {}, header = 1000, limit = 1000,
        })
      end
      local one = start "/silent"
      for _ = 1, 20 do loop:turn(0.01) end
      assert(multi:id() > 0)
      loop:close()
      assert(multi:id() == 0 and multi:next() == 1)
      local response, token, why = one:result()
      assert(response == nil and token == "closed" and why == "the loop is closed")
      loop = core.loop()
      one = start "/echo"
      while not multi:next() do loop:turn(1) end
      assert(one:result().status == 200)
      multi:close()
      loop:close()]])
  end)

  it("survive in any order of collection", function()
    local server = web.serve()
    ends_well("local url = '" .. server.url .. "'" .. [[
      local native = require "wsmanager.fetch.native".load()
      local core = require "wsmanager.core"
      local loop = core.loop()
      for order = 1, 4 do
        local multi = native.open()
        local all = {}
        for i = 1, 4 do
          all[i] = native.start(multi, loop, i, {
            url = url .. (i % 2 == 0 and "/silent" or "/echo"), method = "GET",
            headers = {}, header = 1000, limit = 1000,
          })
        end
        for _ = 1, 10 do loop:turn(0.01) end
        if order == 1 then all[1]:cancel() multi:close()
        elseif order == 2 then multi:close() all[1]:cancel() all[2]:cancel()
        elseif order == 3 then multi = nil collectgarbage() collectgarbage()
        else all = nil collectgarbage() collectgarbage() end
        loop:turn(0)
      end]])
  end)
end)

describe("a forked child", function()
  after_each(peers.stop)

  it("makes requests of its own, and leaves the connections to its parent", function()
    local server = web.serve()
    ends_well("local url = '" .. server.url .. "'" .. [[
      local port = port_of(url)
      local child = processes.fork()
      if child == 0 then
        assert(port_of(url) ~= port)
        w = nil
        return
      end
      assert(processes.wait(child) == 0)
      assert(port_of(url) == port)]])
  end)

  it("raises where a request was under way", function()
    local server = web.serve()
    ends_well("local url = '" .. server.url .. "'" .. [[
      local child
      w.run(function ()
        local other = w.spawn(port_of, url .. "/slow/500?")
        repeat w.sleep(0) until other.state == "running"
        child = processes.fork()
        if child == 0 then
          local ok, why = pcall(w.fetch, url .. "/echo")
          assert(not ok and tostring(why):find("this process was forked after", 1, true), why)
          os.exit(0, true)
        end
        assert(processes.wait(child) == 0)
        other:join()
        port_of(url)
      end)]])
  end)

  it("that runs another program gives it no descriptor, not while a name is looked up", function()
    local server = web.serve()
    local lookups = os.tmpname()
    finally(function() os.remove(lookups) end)
    ends_well("local url = '" .. server.url .. "'" .. [[
      local inherited = require "support.files".inherited
      local none = inherited()
      w.run(function ()
        port_of(url)
        w.spawn(w.fetch, url .. "/silent")
        w.spawn(w.fetch, "http://some.hang/")
        local text, latest = nil, w.now() + 30
        repeat
          w.sleep(0.01)
          local file = io.open(os.getenv "LOOKUPS")
          text = file:read "*a"
          file:close()
        until text:find "some.hang" or w.now() > latest
        assert(inherited() == none, inherited())
      end)]], ("LOOKUPS='%s' LD_PRELOAD='%s' "):format(lookups, preload))
  end)
end)

describe("a name that nobody answers", function()
  it("holds up neither the loop nor the end of the request", function()
    local lookups = os.tmpname()
    finally(function() os.remove(lookups) end)
    ends_well([[
      local ticks = 0
      w.spawn(function () while w.sleep(0.01) do ticks = ticks + 1 end end)
      w.run(function ()
        local response, token = w.fetch("http://some.hang/", {timeout = 0.2})
        assert(response == nil and token == "timeout", token)
        assert(ticks > 0)
        assert(w.fetch("http://some.here:1/", {timeout = 30}) == nil)
      end)]], ("LOOKUPS='%s' LD_PRELOAD='%s' "):format(lookups, preload))
  end)
end)
