-- The module in nginx with Lua: a real nginx, whose Lua is LuaJIT.

local ours = require "support.ours"
local programs = require "support.programs"

describe("the host nginx", function ()
  it("is refused outside of nginx", function ()
    assert.equal("x:1: wsmanager: this is not nginx\nstatus 0\n", programs.run [[
      local w = require "wsmanager"
      local use = (loadstring or load)("local w = ...; w.use 'openresty'", "=x")
      local ok, why = pcall(use, w)
      assert(not ok)
      print(why)
    ]])
  end)
end)

local nginxes = require "support.nginxes"

if not nginxes.may_run "the host nginx" then return end

local peers = require "support.peers"
local wsmanager = require "wsmanager"

local LONG, await = ours.LONG, ours.await

local start, finish = nginxes.with_server, nginxes.finish

describe("the host nginx", function ()
  after_each(function () peers.stop() end)

  it("runs the same program, with nginx's own sleep in listeners", function ()
    local nginx = start {locations = {["/"] = [[
      local wsmanager = require "wsmanager"
      local told = wsmanager.queue()
      wsmanager.onerror = function (_, text) told:put(text) end
      local a = connect()
      local b = connect {reconnect = {delay = 0.01, jitter = 0, pause = 0.01}}
      local done = wsmanager.queue()
      for i = 1, 100 do
        wsmanager.spawn(function ()
          local ws = i % 2 == 0 and a or b
          assert(ws:send("number " .. i))
          done:put(ws:receive(30) and i)
        end)
      end
      for _ = 1, 100 do assert(done:take(30)) end
      for ms = 1, 30 do
        local from = wsmanager.now()
        local data, token = a:receive(ms / 1000)
        local took = wsmanager.now() - from
        assert(data == nil and token == "timeout" and took >= ms / 1000,
               ("%s %s after %.6f s of %d ms"):format(tostring(data), tostring(token), took, ms))
      end
      local heard = wsmanager.queue()
      a.onmessage = function (event) ngx.sleep(0.001) heard:put(event.data) end
      for i = 1, 5 do a:send(tostring(i)) end
      for i = 1, 5 do assert(heard:take(30) == tostring(i)) end
      wsmanager.spawn(function () ngx.sleep(0.001) error "no tea" end)
      local text = told:take(30)
      assert(text:find "no tea" and text:find "traceback", text)
      b:send "leave"
      repeat ngx.sleep(0.01) until b:stats().opens == 2 and b.state == "open"
      assert(pcall(function () assert(b:send "again" and b:receive(30) == "again") end))
      local task = wsmanager.spawn(function () return select(2, b:receive(30)) end)
      ngx.sleep(0.01)
      task:cancel()
      assert(select(2, task:join(30)) == "cancelled")
      ngx.print(a:stats().loop)
      a:close() b:close()
    ]]}}
    assert.equal("nginx (epoll)", nginx:get "/")
    finish(nginx)
  end)

  it("has a thread beside nginx where that is not one it knows", function ()
    local nginx = start {
      http = "lua_socket_log_errors off;",
      init_worker = [[require "wsmanager.core".nginx = function () return nil end]],
      locations = {["/"] = [[
        local ws = connect()
        for i = 1, 50 do assert(ws:send(tostring(i)) and ws:receive(30) == tostring(i)) end
        local _, token = ws:receive(0.02)
        assert(token == "timeout")
        ngx.print(ws:stats().loop)
      ]]},
    }
    assert.equal("nginx (thread)", nginx:get "/")
    finish(nginx)
  end)

  it("writes errors of the program to nginx's log", function ()
    local nginx = start {locations = {["/"] = [[
      require("wsmanager").spawn(function () error(("no tea "):rep(1000) .. "at all") end)
      ngx.sleep(0.01)
    ]]}}
    nginx:get "/"
    nginx:signal "QUIT"
    local log, left = nginx:ended()
    assert.same({}, left)
    local trouble = table.concat(nginxes.trouble(log), "\n")
    assert.matches("%[error%].*wsmanager: error in a coroutine: .*no tea no tea", trouble)
    assert.matches("no tea at all", trouble)
    assert.matches("traceback", log)
  end)

  if (os.getenv "LUA_CPATH" or ""):find("-asan/", 1, true) then
    it("is under the sanitizers, as the specs are", function ()
      local nginx = nginxes.start {locations = {["/"] = [[require "faulty"[ngx.var.args](8)]]}}
      nginx:get "/?overflow"
      nginx:get "/?afterwards"
      nginx:signal "QUIT"
      local log, left = nginx:ended()
      local trouble = table.concat(nginxes.trouble(log), "\n")
      assert.matches("faulty.c:%d+:%d+: runtime error: store", trouble)
      assert.matches("AddressSanitizer: heap%-use%-after%-free", trouble)
      assert.matches("exited with code 1", trouble)
      assert.matches("^sanitizer", left[1])
    end)
  end

  it("has the requests of a worker share one connection", function ()
    local nginx = start {locations = {["/"] = [[
      local wsmanager = require "wsmanager"
      s.shared = s.shared or connect {decode = "json", correlate = "id"}
      local answer = assert(s.shared:request {question = ngx.var.arg_q})
      ngx.print(answer.question, " ", s.shared:stats().opens)
    ]]}}
    wsmanager.run(function ()
      local done = wsmanager.queue()
      for i = 1, 50 do
        wsmanager.spawn(function () done:put(nginx:get("/?q=" .. i) == i .. " 1") end)
      end
      for _ = 1, 50 do assert.is_true(done:take(LONG)) end
    end)
    finish(nginx)
  end)

  it("answers others while two connections of a worker talk without an end", function ()
    local nginx = start {locations = {
      ["/talk"] = [[
        local ws, last = connect(), ngx.now() + 60
        s.talks = true
        repeat
          ws:send "x"
          assert(ws:receive(30))
          ngx.update_time()
        until s.over or ngx.now() > last
        ngx.print(tostring(s.over))
      ]],
      ["/over"] = [[s.over = s.talks ngx.print(tostring(s.over))]],
    }}
    local talk
    wsmanager.spawn(function () talk = nginx:get("/talk", 100) end)
    wsmanager.run(function ()
      repeat local text = nginx:get "/over" until text == "true"
      await(function () return talk end)
    end)
    assert.equal("true", talk)
    finish(nginx)
  end)

  it("leaves a worker without connections at rest", function ()
    local nginx = start {locations = {["/"] = [[s.shared = connect() ngx.print(ngx.worker.pid())]]}}
    local pid = nginx:get "/"
    local function switches ()
      local file = assert(io.open("/proc/" .. pid .. "/status"))
      local text = file:read "*a"
      file:close()
      return tonumber(text:match "nonvoluntary_ctxt_switches:%s*(%d+)")
             and tonumber(text:match "\nvoluntary_ctxt_switches:%s*(%d+)")
    end
    wsmanager.sleep(0.2)
    local before = switches()
    wsmanager.sleep(1)
    assert.is_true(switches() - before <= 3)
    finish(nginx)
  end)
end)
