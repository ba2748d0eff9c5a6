-- Redirects between servers of ours: a client's certificate stays with its origin,
-- and the name of tls.hostname with its host.

local wsmanager = require "wsmanager"
local certificates = require "support.certificates"
local ours = require "support.ours"

local run = wsmanager.run

local made

setup(function () made = certificates.make() end)
teardown(function () made:remove() end)

before_each(ours.hush)
after_each(ours.stop)

-- A server over TLS. `asks`: it wants a client's certificate. `to`: its function
-- `authorize` redirects /from there.
local function serve (asks, to)
  return (ours.serve {
    handler = ours.echo,
    tls = {
      cert = made:path "good.pem", key = made:text "leaf.key",
      ask = asks or nil, ca = asks and made:text "ca.pem" or nil,
    },
    authorize = function (request)
      if not to or request.path ~= "/from" then return true end
      return nil, 302, "", {Location = to()}
    end,
  })
end

local function url (server, path)
  return "wss://127.0.0.1:" .. server.port .. path
end

-- Opens /from of the server, with a certificate: what opened returns.
local function open (server, more)
  local options = {
    url = url(server, "/from"), redirects = 5, reconnect = false,
    tls = {
      ca = made:text "ca.pem", cert = made:path "client.pem",
      key = made:text "client.key",
    },
  }
  for name, value in pairs(more or {}) do options[name] = value end
  local ws = wsmanager.new(options)
  return ws, ws:opened(ours.LONG)
end

local function to_other (asks)
  local other = serve(asks)
  return serve(true, function () return url(other, "/") end)
end

describe("a client with a certificate", function ()
  it("shows it again after a redirect to the same origin", function ()
    run(function ()
      local server
      server = serve(true, function () return "/to" end)
      local ws, opened = open(server)
      assert.is_true(opened)
      ws:close()
      ws, opened = open(serve(true, function () return url(server, "/to") end))
      assert.is_nil(opened)
      ws:close()
    end)
  end)

  it("does not show it to another origin, which may ask for one", function ()
    run(function ()
      local ws, opened, token, detail = open(to_other(true))
      ours.refused("tls", opened, token, detail)
      assert.matches("certificate required", detail)
      assert.equal("closed", ws.state)
      ws, opened = open(to_other(false))
      assert.is_true(opened)
      ws:send("x")
      assert.equal("x", ws:receive(ours.LONG))
      ws:close()
    end)
  end)

  it("does not show it to its own origin that another one led back to", function ()
    run(function ()
      local first, second
      local led = 0
      first = serve(true, function ()
        led = led + 1
        return url(second, "/from")
      end)
      second = serve(false, function () return url(first, "/to") end)
      local _, opened, token, detail = open(first)
      ours.refused("tls", opened, token, detail)
      assert.equal(1, led)
    end)
  end)

  it("shows it again with the next attempt, and over TLS 1.2 and 1.3", function ()
    run(function ()
      for _, min in ipairs {"1.2", "1.3"} do
        local place
        local other = serve(true)
        local server = serve(true, function () return place end)
        place = url(other, "/")
        local asked = 0
        local ws = wsmanager.new {
          url = function ()
            asked = asked + 1
            if asked == 2 then place = "/to" end
            return url(server, "/from")
          end,
          redirects = 1, reconnect = {delay = 0.001, when = function () return true end},
          tls = {
            ca = made:text "ca.pem", cert = made:path "client.pem",
            key = made:text "client.key", min = min,
          },
        }
        assert.is_true(ws:opened(ours.LONG))
        assert.equal(2, asked)
        ws:close()
      end
    end)
  end)
end)

describe("tls.hostname", function ()
  local function serve_as (certificate, to)
    return (ours.serve {
      handler = ours.echo,
      tls = {cert = made:path(certificate), key = made:text "leaf.key"},
      authorize = function ()
        if not to then return true end
        return nil, 302, "", {Location = to}
      end,
    })
  end

  local function open_as_example (server)
    local ws = wsmanager.new {
      url = url(server, "/"), redirects = 5, reconnect = false,
      tls = {ca = made:text "ca.pem", hostname = "chat.example.org"},
    }
    return ws, ws:opened(ours.LONG)
  end

  it("is for other ports of its host, too", function ()
    run(function ()
      local other = serve_as "wildcard.pem"
      local ws, opened, _, why = open_as_example(serve_as("wildcard.pem", url(other, "/")))
      assert.is_true(opened, why)
      ws:close()
    end)
  end)

  it("is not for another host, nor for its own that this one leads to", function ()
    run(function ()
      local other = serve_as "good.pem"
      local there = "wss://localhost:" .. other.port .. "/"
      local ws, opened, _, why = open_as_example(serve_as("wildcard.pem", there))
      assert.is_true(opened, why)
      ws:close()
      other = serve_as("good.pem", url(serve_as "good.pem", "/"))
      there = "wss://localhost:" .. other.port .. "/"
      ws, opened, _, why = open_as_example(serve_as("wildcard.pem", there))
      assert.is_true(opened, why)
      ws:close()
    end)
  end)
end)

describe("a ws URL of a server over TLS", function ()
  it("is told to be wss", function ()
    run(function ()
      local server = serve(false)
      local ws = wsmanager.new {
        url = "ws://127.0.0.1:" .. server.port, reconnect = false,
      }
      local _, _, detail = ws:opened(ours.LONG)
      assert.matches("wss instead of ws?", detail, 1, true)
    end)
  end)
end)
