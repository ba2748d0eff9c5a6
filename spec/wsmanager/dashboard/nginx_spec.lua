-- The dashboard in nginx with Lua: of a server in a worker, which ends as soon as it is
-- told to.

describe("the dashboard in nginx", function ()
  it("is made as anywhere", function ()
    assert.is_function(require "wsmanager".dashboard)
  end)
end)

local nginxes = require "support.nginxes"

if not nginxes.may_run "the dashboard in nginx" then return end

local codec = require "wsmanager.base.codec"
local ours = require "support.ours"
local peers = require "support.peers"
local wsmanager = require "wsmanager"

local START = [[
  local wsmanager = require "wsmanager"
  if not s.dashboard then
    s.dashboard = assert(wsmanager.serve {
      host = "127.0.0.1", port = 0, page = {["/status"] = wsmanager.dashboard {
        authorize = function () ngx.sleep(0.001) return "ann" end, clients = true,
      }},
    })
  end
  s.ws = s.ws or connect()
  s.ws:send "hello"
  assert(s.ws:receive(30) == "hello")
  ngx.print(s.dashboard.port)
]]

describe("the dashboard in nginx", function ()
  after_each(function () peers.stop() end)

  it("samples, answers, and keeps no worker from ending", function ()
    wsmanager.run(function ()
      local nginx = nginxes.with_server {locations = {["/"] = START}}
      local port = assert(nginx:get "/")
      local url = "http://127.0.0.1:" .. port .. "/status/"
      local answer
      ours.await(function ()
        local response = assert(wsmanager.fetch(url .. "look?view=client", {timeout = 30}))
        assert.equal(200, response.status)
        answer = codec.json().decode(response.body)
        return #answer.history.values[1] >= 3
      end)
      assert.matches("^nginx", answer.loop)
      assert.equal(1, answer.count)
      assert.equal("open", answer.rows[1].state)
      assert.is_true(answer.client.messages_in >= 1)
      nginxes.finish(nginx)
    end)
  end)
end)
