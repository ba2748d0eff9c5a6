-- Light threads of nginx that end while they wait: killed by others, or with a request
-- whose client has gone.

local files = require "support.files"

describe("what a light thread that is killed takes along", function ()
  it("is in the docs", function ()
    assert.is_truthy(files.read "docs/how-to/hosts.md":find("ngx.thread.kill", 1, true))
  end)
end)

local nginxes = require "support.nginxes"

if not nginxes.may_run "what a light thread that is killed takes along" then return end

local ours = require "support.ours"
local peers = require "support.peers"
local wsmanager = require "wsmanager"

local LONG, await = ours.LONG, ours.await

describe("a light thread that is killed", function ()
  local lines, left = {}, nil

  setup(function ()
    local nginx = nginxes.start {locations = {
      ["/kills"] = [[require "support.hosts.nginx_kills".run()]],
      ["/left"] = [[require "support.hosts.nginx_kills".left()]],
    }}
    for line in (nginx:get("/kills", LONG) .. "\n"):gmatch "[^\n]+" do
      lines[line:match "^%u*o?k? ([^:]*)" or line] = line
    end
    left = nginx:get("/left", LONG)
    nginxes.finish(nginx)
  end)

  teardown(function () peers.stop() end)

  for _, wait in ipairs {
    "receive", "send with a full outbox", "request", "queue", "sleep", "opened and closed",
    "join", "subscription", "a part of a message",
  } do
    it("takes nothing along: " .. wait, function ()
      assert.equal("ok " .. wait, lines[wait])
    end)
  end

  it("leaves nothing", function () assert.equal("0", left) end)
end)

describe("a request whose client leaves while it waits", function ()
  after_each(function () peers.stop() end)

  local LOCATIONS = {
    ["/connect"] = [[s.shared = connect() s.waiting, s.got = 0, {}]],
    ["/wait"] = [[
      s.waiting = s.waiting + 1
      local data = s.shared:receive(60)
      s.got[#s.got + 1] = data
      ngx.print(data)
    ]],
    ["/send"] = [[s.shared:send(ngx.var.args)]],
    ["/state"] = [[ngx.print(s.waiting, " ", table.concat(s.got, ","))]],
  }

  -- With so many clients that wait, and leave once their requests do.
  local function leave (nginx, n)
    local tasks = {}
    for i = 1, n do
      tasks[i] = wsmanager.spawn(function () nginx:get("/wait", LONG) end)
    end
    await(function () return nginx:get "/state" == n .. " " end)
    for i = 1, n do
      tasks[i]:cancel()
      tasks[i]:join(LONG)
    end
  end

  it("takes no message where nginx looks for that", function ()
    local nginx = nginxes.with_server {
      http = "lua_check_client_abort on;", locations = LOCATIONS,
    }
    wsmanager.run(function ()
      nginx:get "/connect"
      leave(nginx, 3)
      await(function ()
        return select(2, nginx:log():gsub("prematurely closed", "")) == 3
      end)
      local alive
      wsmanager.spawn(function () alive = nginx:get("/wait", LONG) end)
      await(function () return nginx:get "/state" == "4 " end)
      nginx:get "/send?tea"
      await(function () return alive end)
      assert.equal("tea", alive)
      assert.equal("4 tea", (nginx:get "/state"))
    end)
    nginxes.finish(nginx)
  end)

  it("goes on where nginx does not", function ()
    local nginx = nginxes.with_server {locations = LOCATIONS}
    wsmanager.run(function ()
      nginx:get "/connect"
      leave(nginx, 1)
      local alive
      wsmanager.spawn(function () alive = nginx:get("/wait", LONG) end)
      await(function () return nginx:get "/state" == "2 " end)
      nginx:get "/send?tea"
      nginx:get "/send?milk"
      await(function () return alive end)
      assert.equal("milk", alive)
      assert.equal("2 tea,milk", (nginx:get "/state"))
    end)
    nginxes.finish(nginx)
  end)
end)
