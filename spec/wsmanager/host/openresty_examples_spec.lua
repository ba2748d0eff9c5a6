-- examples/openresty/ in a real nginx, under load.

local files = require "support.files"

describe("the examples for nginx", function ()
  it("are named in docs/how-to/hosts.md", function ()
    local text = files.read "docs/how-to/hosts.md"
    assert.is_truthy(text:find("examples/openresty/", 1, true))
  end)
end)

local nginxes = require "support.nginxes"

if not nginxes.may_run "the examples for nginx" then return end

local ours = require "support.ours"
local peers = require "support.peers"
local wsmanager = require "wsmanager"

local LONG, await = ours.LONG, ours.await
local CLIENTS, MESSAGES = 20, 25

describe("the examples for nginx", function ()
  after_each(function ()
    peers.stop()
    ours.stop()
  end)

  -- The nginx.conf of the examples, with ports and files of the test's own.
  local function start (backend)
    local text = files.read "examples/openresty/nginx.conf"
    for _, change in ipairs {
      {"127.0.0.1:8080", "127.0.0.1:$PORT"}, {"8081", "$TLS"}, {"9000", backend.port},
      {"/tmp/wsmanager-nginx.pid", "$FOLDER/nginx.pid"},
      {"stderr notice", "$FOLDER/error.log info"},
      {"$prefix/build/luajit/", "$BUILD/"}, {"$prefix", "$TREE"},
    } do
      local before, after = change[1]:gsub("%p", "%%%0"), tostring(change[2])
      local n
      text, n = text:gsub(before, after)
      assert.is_true(n > 0, before)
    end
    return nginxes.start {configuration = text}
  end

  local function serve_answers ()
    return ours.serve {decode = "json", handler = function (ws)
      for asked in ws:messages() do
        ws:send {id = asked.id, answer = asked.question .. "!"}
      end
    end}
  end

  -- Loads the path with many requests at once, for a second. Returns a function that
  -- awaits the end, and its results.
  local function load (nginx, path)
    local out = os.tmpname()
    os.execute(("wrk -t1 -c16 -d1s '%s' >%s 2>&1 && echo done >>%s &"):format(
      nginx:url(path), out, out))
    return function ()
      local text
      await(function ()
        text = files.read(out)
        return text:find "done"
      end)
      os.remove(out)
      return text
    end
  end

  local function join (nginx, name)
    local ws = assert(wsmanager.new {
      url = "ws://127.0.0.1:" .. nginx.port .. "/room/" .. name, reconnect = {delay = 0.01},
    })
    assert(ws:opened(LONG))
    return ws
  end

  it("answer requests from a backend, and have a room, both under load", function ()
    local backend = serve_answers()
    local nginx = start(backend)
    wsmanager.run(function ()
      assert.equal("tea!\n", (nginx:get "/answer?q=tea"))
      local all, done = {}, wsmanager.queue()
      for i = 1, CLIENTS do all[i] = join(nginx, "guest" .. i) end
      local loaded = load(nginx, "/answer?q=tea")
      for i, ws in ipairs(all) do
        wsmanager.spawn(function ()
          local heard, last = 0, {}
          for n = 1, MESSAGES do ws:send(tostring(n)) end
          while heard < CLIENTS * MESSAGES do
            local from, n = assert(ws:receive(LONG)):match "^(guest%d+): (%d+)$"
            if from then
              assert.equal((last[from] or 0) + 1, tonumber(n))
              last[from], heard = tonumber(n), heard + 1
            end
          end
          done:put(i)
        end)
      end
      for _ = 1, CLIENTS do assert(done:take(LONG)) end
      local text = loaded()
      assert.is_true(tonumber(text:match "(%d+) requests in") > 0, text)
      assert.is_nil(text:find "Non%-2xx", text)
      assert.is_nil(text:find "Socket errors", text)
      local clients = 0
      for _ in backend:clients() do clients = clients + 1 end
      assert.equal(1, clients)
      for _, ws in ipairs(all) do ws:close() end
      for _, ws in ipairs(all) do assert(ws:closed(LONG)) end
    end)
    nginxes.finish(nginx)
  end)

  it("tell a room who comes and goes, and have it again after a reload", function ()
    local nginx = start(serve_answers())
    wsmanager.run(function ()
      local ann = join(nginx, "ann")
      local bob = join(nginx, "bob")
      assert.equal("bob has come", (ann:receive(LONG)))
      bob:send "hello"
      assert.equal("bob: hello", (ann:receive(LONG)))
      assert.equal("bob: hello", (bob:receive(LONG)))
      bob:close()
      assert.equal("bob has left", (ann:receive(LONG)))
      local before = nginx:workers()[1]
      nginx:signal "HUP"
      await(function () return ann:stats().opens == 2 and ann.state == "open" end)
      await(function () return nginx:workers()[1] ~= before and not nginx:workers()[2] end)
      bob = join(nginx, "bob")
      assert.equal("bob has come", (ann:receive(LONG)))
      ann:close() bob:close()
      assert(ann:closed(LONG) and bob:closed(LONG))
    end)
    nginxes.finish(nginx)
  end)
end)
