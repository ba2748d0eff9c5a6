-- Subprotocols that are asked for and not chosen, of the connection and the server.

local wsmanager = require "wsmanager"
local certificates = require "support.certificates"
local ours = require "support.ours"

local run = wsmanager.run

after_each(ours.stop)

-- How a connection with these options fails; or its subprotocol.
local function outcome (url, options)
  options.url, options.reconnect = url, false
  local ws = assert(wsmanager.new(options))
  local ok, token, detail = ws:opened(60)
  local protocol = ws.protocol
  ws:close()
  if ok then return protocol end
  return nil, token, detail
end

describe("a connection that asks for subprotocols", function ()
  it("fails when the server chooses none", function ()
    run(function ()
      local _, url = ours.serve()
      local why = 'the server chose none of the subprotocols: "a, b"'
      for _, each in ipairs {
        {protocols = {"a", "b"}}, {protocols = "a, b"},
        {protocols = {"a", "b", optional = false}},
        {protocols = function () return {"a", "b"} end},
        {protocols = {"a", "b"}, compress = true},
      } do
        assert.same({nil, "handshake", why}, {outcome(url, each)})
      end
    end)
  end)

  it("fails over TLS, too", function ()
    run(function ()
      local made = certificates.make()
      local _, url = ours.serve {
        tls = {cert = made:path "good.pem", key = made:text "leaf.key"},
      }
      url = url:gsub("^ws:", "wss:")
      local tls = {ca = made:text "ca.pem"}
      assert.equal("handshake", (select(2, outcome(url, {protocols = {"a"}, tls = tls}))))
      assert.equal("", outcome(url, {protocols = {"a", optional = true}, tls = tls}))
    end)
  end)

  it("fails when they have none in common", function ()
    run(function ()
      local _, url = ours.serve {protocols = {"x", "y"}}
      assert.equal("handshake", select(2, outcome(url, {protocols = {"a", "X"}})))
      assert.equal("y", outcome(url, {protocols = {"a", "y"}}))
    end)
  end)

  it("opens without one when that is optional", function ()
    run(function ()
      local _, url = ours.serve()
      local optional = {"a", "b", optional = true}
      assert.equal("", outcome(url, {protocols = optional}))
      assert.equal("", outcome(url, {protocols = function () return optional end}))
      _, url = ours.serve {protocols = "b"}
      assert.equal("b", outcome(url, {protocols = optional}))
    end)
  end)

  it("does not try again, and says so", function ()
    run(function ()
      local _, url = ours.serve()
      local ws = wsmanager.new {url = url, protocols = "a", reconnect = {delay = 0.001}}
      local _, token, why = ws:opened(60)
      assert.equal("handshake", token)
      assert.matches("chose none of the subprotocols", why)
      assert.equal("closed", ws.state)
      assert.equal(1, ws:stats().dials)
    end)
  end)
end)

describe("a connection that asks for none", function ()
  it("opens, whatever the server has", function ()
    run(function ()
      for _, protocols in ipairs {"a", false} do
        local _, url = ours.serve {protocols = protocols or nil}
        assert.equal("", outcome(url, {}))
        assert.equal("", outcome(url, {protocols = {}}))
        assert.equal("", outcome(url, {protocols = {optional = true}}))
      end
    end)
  end)
end)

describe("a server", function ()
  it("has no optional subprotocols", function ()
    ours.fails("bad option 'protocols' %('optional' is for a client", wsmanager.serve,
               {protocols = {"a", optional = true}, handler = print})
  end)
end)
