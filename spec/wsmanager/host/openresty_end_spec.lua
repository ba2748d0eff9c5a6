-- The end of nginx's workers: what requests, clients and servers see of it, and what is left.

local files = require "support.files"

describe("the end of nginx", function ()
  it("is in the docs, signal by signal", function ()
    local text = files.read "docs/how-to/hosts.md"
    for _, word in ipairs {"reload", "QUIT", "TERM", "killed"} do
      assert.is_truthy(text:find(word, 1, true), word)
    end
  end)
end)

local nginxes = require "support.nginxes"

if not nginxes.may_run "the end of nginx" then return end

local ours = require "support.ours"
local peers = require "support.peers"
local wsmanager = require "wsmanager"

local LONG, await = ours.LONG, ours.await
local start, finish = nginxes.with_server, nginxes.finish

-- means -> what is set, so that nginx has it.
local ways = {
  epoll = "",
  thread = [[require "wsmanager.core".nginx = function () return nil end]],
}

for means, set in pairs(ways) do
  describe("the end of a worker of nginx (" .. means .. ")", function ()
    after_each(function () peers.stop() end)

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
      local nginx = start {
        http = "lua_socket_log_errors off;", init_worker = set,
        init = "backend = 'ws://127.0.0.1:" .. backend.port .. "'",
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

    -- A client that opens a connection and then neither reads nor answers; returns what ends
    -- it.
    local function start_silent (port)
      local pipe = io.popen(([[exec bash -c '
        echo $$
        exec 3<>/dev/tcp/127.0.0.1/%d
        printf "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" >&3
        printf "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n\r\n" >&3
        head -n 1 <&3
        exec sleep 600'
      ]]):format(port, ("A"):rep(22) .. "=="))
      local pid = pipe:read "*n"
      pipe:read "*l"
      assert.matches("101", pipe:read "*l")
      return function ()
        os.execute("kill " .. pid)
        pipe:close()
      end
    end

    local function is_there (pid)
      local file = io.open("/proc/" .. pid .. "/stat")
      return file and file:close()
    end

    -- Half a second, on a machine that does not wake us late.
    local TICK, TICKS = 0.01, 50

    for _, signal in ipairs {"QUIT", "HUP"} do
      it("lets requests finish and tells clients when its worker ends: " .. signal, function ()
        local nginx, backend, answer = start_ending()
        local workers = nginx:workers()
        wsmanager.run(function ()
          local ws = client(nginx)
          local end_silent = start_silent(nginx:get "/start")
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
          local ticks = 0
          while is_there(workers[1]) and ticks < 100 * TICKS do
            wsmanager.sleep(TICK)
            ticks = ticks + 1
          end
          assert.is_true(ticks <= TICKS, ticks)
          end_silent()
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
end
