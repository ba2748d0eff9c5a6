-- What a program is given: that each method and field of it is annotated, and that what
-- is annotated is there.

package.path = "scripts/?.lua;" .. package.path

local wsmanager = require "wsmanager"
local files = require "support.files"
local ours = require "support.ours"
local surface = require "reference.surface"

local db = surface.read()
local run, LONG = wsmanager.run, ours.LONG

local function sorted(set)
  local list = {}
  for name in pairs(set) do list[#list + 1] = tostring(name) end
  table.sort(list)
  return list
end

-- The functions that an object's metatable leads to.
local function methods_of(object)
  local meta = assert(getmetatable(object))
  local from = type(meta.__index) == "table" and meta.__index or meta
  local set = {}
  for name, value in pairs(from) do
    if type(value) == "function" and not name:find "^__" then set[name] = true end
  end
  return set
end

-- The annotated methods of a class, and fields of it that are functions.
local function annotated_methods(class)
  local set = {}
  for _, entry in ipairs(surface.methods(db, class)) do set[entry.method] = true end
  for _, field in ipairs(db.classes[class].fields) do
    if field.type.kind == "fun" and not field.name:find "^on%l" then set[field.name] = true end
  end
  return set
end

-- Has a table just the fields of its class? Those that may be absent may.
local function check_fields(class, object)
  local wrong, known = {}, {}
  for _, field in ipairs(surface.fields(db, class)) do
    known[field.name] = true
    if object[field.name] == nil and not field.optional then
      wrong[#wrong + 1] = "annotated and not there: " .. field.name
    end
  end
  for name in pairs(object) do
    if not known[name] then
      wrong[#wrong + 1] = "there and not annotated: " .. tostring(name)
    end
  end
  table.sort(wrong)
  assert.same({}, wrong, class)
end

describe("the methods that are annotated", function()
  local checked = { ["wsmanager.Connection"] = true, ["wsmanager.WebSocket"] = true }

  local function check(class, object, but)
    checked[class] = true
    local there = methods_of(object)
    for _, name in ipairs(but or {}) do there[name] = nil end
    local annotated = annotated_methods(class)
    for _, name in ipairs(but or {}) do annotated[name] = nil end
    assert.same(sorted(annotated), sorted(there), class)
  end

  after_each(ours.stop)

  it("are those of a connection", function()
    local there = {}
    for name, value in pairs(require "wsmanager.core".methods) do
      if type(value) == "function" then there[name] = true end
    end
    assert.same(sorted(annotated_methods "wsmanager.Connection"), sorted(there))
  end)

  it("are those of a server, a task, a queue, a subscription and a trace", function()
    run(function()
      local server, url = ours.serve()
      local ws = wsmanager.new { url = url, reconnect = false }
      check("wsmanager.Server", server, { "serve" })
      check("wsmanager.Task", wsmanager.spawn(function() end))
      check("wsmanager.Queue", wsmanager.queue())
      check("wsmanager.Subscription", ws:subscribe())
      check("wsmanager.Trace", wsmanager.trace(ws, function() end))
      local signal = wsmanager.signal("SIGUSR2", function() end)
      check("wsmanager.Signal", signal)
      signal:stop()
      ws:close()
    end)
  end)

  it("are those of a reader, of a login's handle and of a response", function()
    run(function()
      local handle
      local server, url = ours.serve {
        handler = function(ws) ws:send "x" ws:receive() end,
        login = function(ws) handle = ws end,
        page = function(request)
          check_fields("wsmanager.Request", request)
          return 200, "{}"
        end,
      }
      local ws = wsmanager.new { url = url, stream = true, reconnect = false }
      check("wsmanager.Reader", (ws:receive(LONG)))
      check("wsmanager.Login", handle)
      ws:close()
      if pcall(require, "wsmanager.fetch.core") then
        local response = assert(wsmanager.fetch("http://127.0.0.1:" .. server.port))
        check("wsmanager.Response", response)
        check_fields("wsmanager.Response", response)
      end
    end)
  end)

  it("are those of the standard's WebSocket", function()
    local there = {}
    for name in files.read "lua/wsmanager/websocket.lua":gmatch "\nfunction methods%.(%w+)" do
      there[name] = true
    end
    assert.same(sorted(annotated_methods "wsmanager.WebSocket"), sorted(there))
    run(function()
      local _, url = ours.serve()
      local socket = wsmanager.WebSocket(url)
      for _, field in ipairs(db.classes["wsmanager.WebSocket"].fields) do
        if not field.optional then assert.not_nil(socket[field.name], field.name) end
      end
      for name in pairs(there) do assert.is_function(socket[name]) end
      socket.onopen = function() socket:close() end
      wsmanager.sleep(0)
    end)
  end)

  it("are those of what tests a program", function()
    run(function()
      local testing = require "wsmanager.testing"
      local there = {}
      for name, value in pairs(testing) do
        if type(value) == "function" and not name:find "^__" then there[name] = true end
      end
      assert.same(sorted(annotated_methods "wsmanager.Testing"), sorted(there))
      checked["wsmanager.Testing"] = true
      local seen
      local server = testing.server { function(peer) seen = peer end }
      local ws = wsmanager.new { url = server.url, reconnect = false }
      server:finish()
      check("wsmanager.TestServer", server)
      check("wsmanager.TestPeer", seen)
      ws:close()
      local clock = testing.clock()
      check("wsmanager.TestClock", clock)
      clock:stop()
    end)
  end)

  it("are those of the chat", function()
    run(function()
      local chat = wsmanager.chat
      local server = assert(chat.serve {
        host = "127.0.0.1", rooms = { room = { "a", "b" } },
        authenticate = function() return true end,
      })
      local talk = chat.new {
        server = "127.0.0.1:" .. server.port, secure = false, uid = "a", token = "t",
      }
      check("chat", talk)
      check("chat.Server", server)
      check("chat.history", chat.history.memory())
      check("chat.wsManager", chat.wsManager())
      talk:close()
      server:stop()
    end)
  end)

  it("are looked at here, each class of a page", function()
    local missing = {}
    for _, page in ipairs(require "reference.pages") do
      for _, section in ipairs(page) do
        if section.call and section.class and not checked[section.class] then
          missing[#missing + 1] = section.class .. ": check(class, object) of one, above"
        end
      end
    end
    assert.same({}, missing)
  end)
end)

describe("the fields that are annotated", function()
  after_each(ours.stop)

  it("are those of a request, of a login's, and of an answer", function()
    run(function()
      local seen = {}
      local _, url = ours.serve {
        handler = function(ws, request)
          seen.request = request
          ours.echo(ws)
        end,
        login = function(ws) seen.handle = ws end,
      }
      local ws = wsmanager.new {
        url = url .. "/path?a=1", protocols = { "one", optional = true },
        headers = { Origin = "http://example.com" }, reconnect = { delay = 0.01, pause = 0 },
        login = function(_, info)
          if info.epoch == 2 then seen.info = info end
        end,
      }
      assert(ws:opened(LONG))
      ws:reconnect()
      ours.await(function() return seen.info ~= nil end)
      check_fields("wsmanager.Request", seen.request)
      check_fields("wsmanager.LoginInfo", seen.info)
      check_fields("wsmanager.Answer", ws:answer())
      for _, field in ipairs(db.classes["wsmanager.Login"].fields) do
        assert.not_nil(seen.handle[field.name], field.name)
      end
      for _, field in ipairs(db.classes["wsmanager.Connection"].fields) do
        assert.not_nil(ws[field.name], field.name)
      end
      ws:close()
    end)
  end)

  it("are what functions that decide are told", function()
    run(function()
      local ending, last
      local nowhere = ours.nowhere()
      local ws = wsmanager.new {
        url = function(_, before)
          last = before or last
          return nowhere
        end,
        reconnect = {
          delay = 0.01,
          when = function(info)
            ending = info
            return info.attempt < 2
          end,
        },
      }
      ws:closed(LONG)
      check_fields("wsmanager.Ending", ending)
      check_fields("wsmanager.Last", last)
    end)
  end)

  it("are the ones that events are made with", function()
    local used, wrong = {}, {}
    for _, path in ipairs(files.below({ "lua/wsmanager" }, ".lua")) do
      local text = files.read(path)
      for event, rest in text:gmatch '{%s*type = "(%l+)"([^{}]*)}' do
        local class = "wsmanager." .. event:sub(1, 1):upper() .. event:sub(2) .. "Event"
        local known = { target = true }
        for _, field in ipairs(surface.fields(db, class)) do known[field.name] = true end
        if db.classes[class] then
          used[event] = used[event] or {}
          for name in rest:gmatch "%f[%w]([%w]+) = " do
            used[event][name] = true
            if not known[name] then wrong[#wrong + 1] = path .. ": " .. event .. "." .. name end
          end
        end
      end
    end
    for name in pairs(require "wsmanager.base.events".names) do
      local class = db.classes["wsmanager." .. name:sub(1, 1):upper() .. name:sub(2) .. "Event"]
      for _, field in ipairs(class.fields) do
        if not (used[name] or {})[field.name] then
          wrong[#wrong + 1] = "no event has " .. name .. "." .. field.name
        end
      end
    end
    assert.same({}, wrong)
  end)
end)

-- ## Tables of options that are an argument

-- The local table of rules in a file: its keys.
local function rules_in(path, name)
  local text = files.read("lua/wsmanager/" .. path .. ".lua")
  local body = assert(text:match("\nlocal " .. name .. " = (%b{})"), path)
  local set = {}
  for key in body:gmatch "\n  ([%w_]+) = " do set[key] = true end
  return set
end

describe("the options of an argument", function()
  it("are annotated as they are checked", function()
    local checked = {
      ["wsmanager.SendOptions"] = rules_in("run/sending", "terms_of"),
      ["wsmanager.RequestOptions"] = rules_in("handling", "rules"),
      ["wsmanager.SubscribeOptions"] = rules_in("handling", "subscribe_rules"),
    }
    for class, there in pairs(checked) do
      local annotated = {}
      for _, field in ipairs(db.classes[class].fields) do annotated[field.name] = true end
      assert.same(sorted(annotated), sorted(there), class)
    end
    local host = {}
    for _, field in ipairs(db.classes["wsmanager.Host"].fields) do host[field.name] = true end
    local text = files.read "lua/wsmanager/host.lua":match "\nlocal fields = (%b{})"
    local there = {}
    for key in text:gmatch "([%w_]+) = " do there[key] = true end
    assert.same(sorted(host), sorted(there))
  end)
end)
