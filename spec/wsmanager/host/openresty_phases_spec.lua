-- What each phase of nginx's Lua may do with the module, and where it refuses to begin.

local programs = require "support.programs"

describe("nginx's stream subsystem", function ()
  -- Debian has no Lua for it: what its Lua says of itself stands in for it.
  it("is refused by a sentence", function ()
    assert.equal("nginx's stream subsystem is no place for it; the http subsystem "
      .. "is\nstatus 0\n", programs.run [[
      ngx = {get_phase = function () return "content" end, config = {subsystem = "stream"}}
      local ok, why = pcall(require("wsmanager").new, {url = "ws://127.0.0.1:1"})
      assert(not ok)
      print((why:gsub("^.-: ", "", 1)))
    ]])
  end)
end)

local nginxes = require "support.nginxes"

if not nginxes.may_run "the phases of nginx" then return end

local certificates = require "support.certificates"
local peers = require "support.peers"

local start, finish = nginxes.with_server, nginxes.finish

describe("a phase of nginx", function ()
  after_each(function () peers.stop() end)

  -- What each phase may do: what row() says is kept in `rows`.
  local INIT = [[
    rows = {}
    function row (phase)
      local wsmanager = require "wsmanager"
      local made, ws = pcall(wsmanager.new, {url = "ws://127.0.0.1:1"})
      if made and ws then ws:close() end
      local text = (made and ws and "makes, " or "makes none, ")
                   .. (s.shared:send "x" and "sends, " or "cannot send, ")
      local may_wait, slept, token = pcall(wsmanager.sleep, 0.001)
      text = text .. (may_wait and (slept and "waits" or token) or slept:gsub("^.-: ", "", 1))
      rows[phase] = rows[phase] or text
      return text
    end
  ]]

  local function block (phase, more)
    return ("%s_by_lua_block { row %q %s }"):format(phase, phase, more or "")
  end

  local WORKER = [[
    s.shared = require("wsmanager").new {
      url = function () return "ws://127.0.0.1:" .. start() end,
      login = function (ws) ws:send "secret" return true end,
    }
    row "init_worker"
    ngx.timer.at(0, function ()
      assert(s.shared:opened(30))
      row "timer"
    end)
  ]]

  local ALL = "makes, sends, waits"

  -- What a phase says that cannot wait.
  local function refused (name)
    return "makes, sends, nobody can wait here: nginx is in the phase " .. name
      .. " (wsmanager.spawn starts one)"
  end

  local function row_of (nginx, phase) return (nginx:get("/row?" .. phase)) end

  local ROWS = [[
    local phase = ngx.var.args
    repeat ngx.sleep(0.005) until rows[phase]
    ngx.print(rows[phase])
  ]]

  it("of a request says what can be done there", function ()
    local waiting = {"server_rewrite", "rewrite", "access", "content", "timer"}
    local others = {"set", "header_filter", "body_filter", "log", "balancer"}
    local nginx = start {
      init = INIT, init_worker = WORKER, server = block "server_rewrite",
      http = "upstream other { server 0.0.0.1; " .. block("balancer",
        [[assert(require "ngx.balancer".set_current_peer("127.0.0.1", $PORT))]]) .. " }",
      locations = {
        ["/row"] = ROWS,
        ["/each"] = {
          "set_by_lua_block $x { row 'set' return 1 }", block "rewrite", block "access",
          block("content", "ngx.print 'each'"), block "header_filter", block "body_filter",
          block "log",
        },
        ["/balanced"] = {"proxy_pass http://other/plain;"},
        ["/plain"] = "ngx.print 'plain'",
      },
    }
    assert.equal(ALL, row_of(nginx, "timer"))
    assert.equal("each", (nginx:get "/each"))
    assert.equal("plain", (nginx:get "/balanced"))
    for _, phase in ipairs(waiting) do assert.equal(ALL, row_of(nginx, phase), phase) end
    for _, phase in ipairs(others) do
      assert.equal(refused(phase), row_of(nginx, phase), phase)
    end
    -- what is sent before it is open goes to the outbox
    assert.equal(refused "init_worker", row_of(nginx, "init_worker"))
    finish(nginx)
  end)

  it("of TLS says what can be done there", function ()
    local made = certificates.make()
    finally(function () made:remove() end)
    local nginx = start {
      init = INIT, init_worker = WORKER,
      http = block "ssl_session_fetch" .. block "ssl_session_store",
      server = ("listen 127.0.0.1:$TLS ssl; ssl_protocols TLSv1.2; "
        .. "ssl_session_tickets off; ssl_certificate %s; ssl_certificate_key %s; "):format(
          made:path "good.pem", made:path "leaf.key")
        .. block "ssl_certificate" .. block "ssl_client_hello",
      locations = {["/row"] = ROWS},
    }
    assert.equal(ALL, row_of(nginx, "timer"))
    for _, how in ipairs {"-sess_out", "-sess_in"} do
      local pipe = io.popen(("printf 'GET /row?timer HTTP/1.0\\r\\n\\r\\n' | timeout 30 openssl "
        .. "s_client -connect 127.0.0.1:%d %s %s -tls1_2 -no_ticket -ign_eof 2>&1"):format(
          nginx.tls, how, made:path "session"))
      local text = pipe:read "*a"
      pipe:close()
      assert.matches(ALL, text)
    end
    assert.equal(refused "ssl_cert", row_of(nginx, "ssl_certificate"))
    for _, phase in ipairs {"ssl_client_hello", "ssl_session_fetch", "ssl_session_store"} do
      assert.equal(refused(phase), row_of(nginx, phase))
    end
    finish(nginx)
  end)

  it("at the end of a worker makes nothing", function ()
    local nginx = start {
      init = INIT, init_worker = WORKER, locations = {["/row"] = ROWS},
      exit_worker = [[ngx.log(ngx.NOTICE, "the row: ", row "exit_worker")]],
    }
    assert.equal(ALL, row_of(nginx, "timer"))
    finish(nginx)
    assert.matches("the row: makes none, cannot send, closed", nginx:log())
  end)

  it("begins nothing in init and exit_worker", function ()
    local nginx = nginxes.start {
      init = [[
        local ok, why = pcall(require("wsmanager").new, {url = "ws://127.0.0.1:1"})
        told = tostring(why)
      ]],
      locations = {["/"] = [[ngx.print(told)]]},
      exit_worker = [[
        local ok, why = pcall(require("wsmanager").new, {url = "ws://127.0.0.1:1"})
        ngx.log(ngx.NOTICE, why)
      ]],
    }
    assert.matches("wsmanager: nothing can begin in init_by_lua; in init_worker_by_lua it can$",
                   (nginx:get "/"))
    finish(nginx)
    assert.matches("wsmanager: nothing can begin in exit_worker_by_lua; in "
                   .. "init_worker_by_lua it can", nginx:log())
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
end)
