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

if not jit then return end

local nginxes = require "support.nginxes"

local why_not = nginxes.why_not()
if why_not then
  assert(not os.getenv "CI", why_not)
  pending("the host nginx: " .. why_not)
  return
end

local peers = require "support.peers"
local wsmanager = require "wsmanager"

local LONG, await = ours.LONG, ours.await

-- A server of the worker's own, /start; its clients are the same worker's. What it does
-- with a message is its first word.
local SERVER = [[
  local wsmanager = require "wsmanager"
  local server
  s = {}       -- what requests share: their globals are their own
  function start ()
    server = server or assert(wsmanager.serve {host = "127.0.0.1", port = 0,
      login = function (ws) return ws:receive(30) == "secret" end,
      handler = function (ws)
        for data, kind in ws:messages() do
          if data == "leave" then ws:close(4000, "as told")
          elseif data == "late" then ngx.sleep(0.3) ws:send(data)
          else ws:send(data, kind) end
        end
      end,
    })
    return server.port
  end
  function connect (options)
    options = options or {}
    options.url = "ws://127.0.0.1:" .. start()
    options.login = options.login or function (ws) ws:send "secret" return true end
    local ws = assert(wsmanager.new(options))
    assert(ws:opened(30))
    return ws
  end
]]

-- In init_by_lua functions are for all; what they use begins in the worker.
local function start (options)
  options.init = SERVER .. (options.init or "")
  return nginxes.start(options)
end

describe("the host nginx", function ()
  after_each(function () peers.stop() end)

  -- Ends it, and nothing may be wrong or left.
  local function finish (nginx, signal)
    if signal ~= "ended" then nginx:signal(signal or "QUIT") end
    local log, left = nginx:ended()
    assert.same({}, nginxes.trouble(log))
    assert.same({}, left)
  end

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

  -- What each phase may do.
  local ROW = [[
    rows[#rows + 1] = %q .. ": " .. row()
  ]]

  it("says in each phase what can be done there", function ()
    local lua = {}
    for _, phase in ipairs {"rewrite", "access", "content", "header_filter", "body_filter",
                            "log"} do
      lua[#lua + 1] = phase .. "_by_lua_block { " .. ROW:format(phase)
        .. (phase == "content" and "ngx.print 'x'" or "") .. " }"
    end
    lua[#lua + 1] = "set_by_lua_block $x { " .. ROW:format "set" .. " return 1 }"
    local nginx = start {
      init = [[
        rows = {}
        local ok, why = pcall(connect)
        rows[1] = "init: " .. why:gsub("^.-wsmanager: ", "")
        function row ()
          local sent = s.shared:send "x" and "sends, " or "cannot send, "
          local ok, why = pcall(require("wsmanager").sleep, 0.001)
          if ok then return sent .. "waits" end
          return sent .. why:gsub("^.-: ", "", 1)
        end
      ]],
      init_worker = [[
        rows[2] = "init_worker: " .. (pcall(require("wsmanager").sleep, 0) and "waits"
                                      or "cannot wait")
        s.shared = require("wsmanager").new {
          url = function () return "ws://127.0.0.1:" .. start() end,
          login = function (ws) ws:send "secret" return true end,
            }
        ngx.timer.at(0, function ()
          assert(s.shared:opened(30))
          s.ready = true
        end)
      ]],
      locations = {
        ["/ready"] = [[repeat ngx.sleep(0.005) until s.ready]], ["/each"] = lua,
        ["/rows"] = [[ngx.print(table.concat(rows, "\n"))]],
      },
    }
    nginx:get "/ready"
    nginx:get "/each"
    local function refused (phase)
      return phase .. ": sends, nobody can wait here: nginx is in the phase " .. phase
        .. " (wsmanager.spawn starts one)\n"
    end
    local text = nginx:get "/rows"
    -- a body has two parts
    text = text:gsub("(body_filter: [^\n]*\n)body_filter: [^\n]*\n", "%1")
    assert.equal("init: nothing can begin in init_by_lua; in init_worker_by_lua it can\n"
      .. "init_worker: cannot wait\n" .. refused "set"
      .. "rewrite: sends, waits\naccess: sends, waits\ncontent: sends, waits\n"
      .. refused "header_filter" .. refused "body_filter" .. refused("log"):sub(1, -2), text)
    finish(nginx)
  end)

  it("is loaded and begins in init_worker_by_lua", function ()
    local nginx = nginxes.start {
      init_worker = [[
        local server = require "wsmanager".serve {host = "127.0.0.1", handler = print}
        package.loaded.port = server.port
      ]],
      locations = {["/"] = "ngx.print(package.loaded.port)"},
    }
    assert.is_number(tonumber((nginx:get "/")))
    finish(nginx)
  end)

  it("needs lua_code_cache", function ()
    local nginx = start {http = "lua_code_cache off;", locations = {["/"] = [[
      local ok, why = pcall(require("wsmanager").use, "openresty")
      ngx.print(why)
    ]]}}
    assert.matches("with 'lua_code_cache off' each request has a Lua state of its own; "
                   .. "switch it on", (nginx:get "/"))
  end)

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

  -- ## The end of a worker

  -- A backend of this process, which answers when it is told to, an nginx with requests to
  -- it, and the codes with which the connections to the backend end.
  local function start_ending ()
    local may_answer, ends = false, wsmanager.queue()
    local backend = assert(wsmanager.serve {host = "127.0.0.1", handler = function (ws)
      wsmanager.spawn(function () ends:put((ws:closed())) end)
      for data in ws:messages() do
        repeat wsmanager.sleep(0.01) until may_answer or ws.state ~= "open"
        ws:send(data)
      end
    end})
    local nginx = start {init = "backend = 'ws://127.0.0.1:" .. backend.port .. "'",
      locations = {
        ["/start"] = [[ngx.print(start())]],
        ["/late"] = [[
          local wsmanager = require "wsmanager"
          local ws = wsmanager.new {url = backend}
          ws:opened(30)
          s.begun = (s.begun or 0) + 1
          ws:send "late"
          ngx.print(ws:receive(30), " ", (select(2, wsmanager.new {url = backend})))
        ]],
        ["/endless"] = [[
          local ws = require "wsmanager".new {url = backend}
          ws:opened(30)
          s.begun = (s.begun or 0) + 1
          ngx.print((select(2, ws:receive())))
        ]],
        ["/begun"] = [[ngx.print(tostring(s.begun))]],
      }}
    return nginx, backend, function () may_answer = true end, ends
  end

  local function client (nginx)
    local ws = assert(wsmanager.new {
      url = "ws://127.0.0.1:" .. nginx:get "/start", reconnect = false,
      login = function (handle) handle:send "secret" return true end,
    })
    assert(ws:opened(LONG))
    return ws
  end

  for _, signal in ipairs {"QUIT", "HUP"} do
    it("lets requests finish and tells clients when its worker ends: " .. signal, function ()
      local nginx, backend, answer = start_ending()
      local workers = nginx:workers()
      wsmanager.run(function ()
        local ws = client(nginx)
        local late, endless
        wsmanager.spawn(function () late = nginx:get "/late" end)
        wsmanager.spawn(function () endless = nginx:get "/endless" end)
        repeat wsmanager.sleep(0.01) until nginx:get "/begun" == "2"
        nginx:signal(signal)
        assert.equal(1001, (ws:closed(LONG)))
        answer()
        repeat wsmanager.sleep(0.01) until late and endless
        assert.equal("closed", endless)
        assert.equal("late closed", late)
        await(function ()
          for _, pid in ipairs(nginx:workers()) do
            if pid == workers[1] then return false end
          end
          return true
        end)
        if signal == "HUP" then client(nginx) end
        backend:stop(0)
      end)
      finish(nginx, signal == "QUIT" and "ended" or nil)
    end)
  end

  it("tells clients, servers and nobody else when it is terminated", function ()
    local nginx, backend, _, ends = start_ending()
    wsmanager.run(function ()
      local ws, late = client(nginx), false
      wsmanager.spawn(function () late = nginx:get("/late") or "none" end)
      repeat wsmanager.sleep(0.01) until nginx:get "/begun" == "1"
      nginx:signal "TERM"
      assert.equal(1001, (ws:closed(LONG)))
      assert.equal(1001, (ends:take(LONG)))
      await(function () return late end)
      assert.equal("none", late)
      backend:stop(0)
    end)
    finish(nginx, "ended")
  end)

  it("has a successor when it is killed, and leaves nothing", function ()
    local nginx, backend = start_ending()
    wsmanager.run(function ()
      local ws = client(nginx)
      local killed = nginx:workers()[1]
      os.execute("kill -KILL " .. killed)
      assert.equal(1006, (ws:closed(LONG)))
      await(function ()
        local now = nginx:workers()[1]
        return now and now ~= killed
      end)
      client(nginx):close()
      backend:stop(0)
    end)
    nginx:signal "QUIT"
    local log, left = nginx:ended()
    assert.same({}, left)
    local trouble = nginxes.trouble(log)
    assert.equal(1, #trouble)
    assert.matches("exited on signal 9", trouble[1])
  end)
end)
