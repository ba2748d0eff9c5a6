local wsmanager = require "wsmanager"
local certificates = require "support.certificates"
local core = require "wsmanager.core"
local native = require "wsmanager.fetch.native"
local ours = require "support.ours"
local peers = require "support.peers"
local web = require "support.web"

local run = wsmanager.run

describe("a transfer", function()
  local fetch_core = native.load()
  local made

  setup(function() made = certificates.make() end)
  teardown(function() made:remove() end)
  before_each(ours.hush)

  after_each(function()
    fetch_core.failmemory(-1)
    core.failmemory(-1)
    ours.stop()
    peers.stop()
  end)

  -- Fetches with ever more allocations that succeed, until the response comes.
  local function try(fail, url, options)
    options.timeout = ours.LONG
    local failures = 0
    for n = 0, 200 do
      fail(n)
      local response, token, detail = wsmanager.fetch(url, options)
      fail(-1)
      if response then return failures, response end
      assert.equal("full", token, detail)
      failures = failures + 1
    end
    error "it needs more memory than that"
  end

  it("fails without memory, and the next one is as ever", function()
    local server = web.serve { tls = { cert = made:path "good.pem", key = made:path "leaf.key" } }
    local options = { tls = { ca = made:text "ca.pem", cert = made:text "client.pem",
      key = made:text "client.key" }, json = { a = 1 } }
    run(function()
      local failures, response = try(fetch_core.failmemory, server.url .. "/echo", options)
      assert.is_true(failures > 3)
      assert.equal('{"a":1}', response:json().body)
      assert.equal(20000, #select(2, try(fetch_core.failmemory, server.url .. "/bytes/20000",
        options)).body)
    end)
  end)

  it("fails where the loop has no memory for it", function()
    local server = web.serve()
    run(function()
      wsmanager.fetch(server.url .. "/echo")
      collectgarbage()
      core.failmemory(0)
      local response, token = wsmanager.fetch(server.url .. "/echo", { timeout = ours.LONG })
      core.failmemory(-1)
      assert.is_nil(response)
      assert.equal("full", token)
      assert.equal(200, web.get(server.url .. "/echo").status)
    end)
  end)
end)
