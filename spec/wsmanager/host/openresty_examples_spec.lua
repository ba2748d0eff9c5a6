-- examples/openresty/ in a real nginx, under load.

describe("the examples for nginx", function ()
  it("are named in docs/how-to/hosts.md", function ()
    local text = require "support.files".read "docs/how-to/hosts.md"
    assert.is_truthy(text:find("examples/openresty/", 1, true))
  end)
end)

if not jit then return end

local nginxes = require "support.nginxes"

local why_not = nginxes.why_not()
if why_not then
  assert(not os.getenv "CI", why_not)
  pending("the examples for nginx: " .. why_not)
  return
end

local ours = require "support.ours"
local peers = require "support.peers"
local wsmanager = require "wsmanager"

describe("the examples for nginx", function ()
  after_each(function () peers.stop() end)

  local function finish (nginx)
    nginx:signal "QUIT"
    local log, left = nginx:ended()
    assert.same({}, nginxes.trouble(log))
    assert.same({}, left)
  end

  it("answer HTTP requests from a WebSocket backend, also many at once", function ()
    local backend = assert(wsmanager.serve {
      host = "127.0.0.1", decode = "json", handler = function (ws)
        for asked in ws:messages() do
          ws:send {id = asked.id, answer = asked.question .. "!"}
        end
      end,
    })
    local nginx = nginxes.start {locations = {["/answer"] =
      [[require "examples.openresty.answer".run "ws://127.0.0.1:]] .. backend.port .. '"'}}
    wsmanager.run(function ()
      assert.equal("tea!\n", (nginx:get "/answer?q=tea"))
      local out = os.tmpname()
      os.execute(("wrk -t1 -c16 -d1s '%s' >%s 2>&1 && echo done >>%s &"):format(
        nginx:url "/answer?q=tea", out, out))
      local text
      ours.await(function ()
        local file = assert(io.open(out))
        text = file:read "*a"
        file:close()
        return text:find "done"
      end)
      os.remove(out)
      assert.is_true(tonumber(text:match "(%d+) requests in") > 0, text)
      assert.is_nil(text:find "Non%-2xx", text)
      assert.is_nil(text:find "Socket errors", text)
      local clients = 0
      for _ in backend:clients() do clients = clients + 1 end
      assert.equal(1, clients)
      backend:stop(0)
    end)
    finish(nginx)
  end)
end)
