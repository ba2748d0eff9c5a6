-- The contract of a host (spec/support/hosts/contract.lua), in each of them for real: a
-- program of its own, whose lines say which part went well. nginx is no such program:
-- openresty_contract_spec.lua.

local outcomes = require "support.hosts.outcomes"
local programs = require "support.programs"

local HERE = "spec/support/hosts/"

local is_jit = rawget(_G, "jit") ~= nil
local version = is_jit and "5.1" or _VERSION:match "[%d.]+$"

-- In which Luas Debian has what it needs: there it is to run. Where it is for another Lua,
-- too, as Copas 4 is, it runs as well.
local hosts = {
  own = "5.1 5.2 5.3 5.4 5.5", luv = "5.1 5.2 5.3 5.4", cqueues = "5.1 5.2 5.3 5.4",
  copas = "5.1 5.2", select = "5.1 5.2 5.3 5.4", frame = "5.1 5.2 5.3 5.4",
  engine = "5.1 5.2 5.3 5.4",
}

local needs = {
  own = "wsmanager", luv = "luv", cqueues = "cqueues", copas = "copas", select = "socket",
  frame = "socket", engine = "socket",
}

local function may_run (name)
  return hosts[name]:find(version, 1, true) ~= nil
         or programs.run("require '" .. needs[name] .. "'") == "status 0\n"
end

local beside = {
  luv = {
    "leaves no handle", "serves what nobody waits for", "refuses a wait in a callback",
    "refuses run",
  },
}

local function run (name)
  local text = programs.output(HERE .. name .. ".lua")
  return outcomes.read(text), text
end

for name in pairs(hosts) do
  if not may_run(name) then
    pending("the host " .. name .. ": there is no module " .. needs[name] .. " for Lua "
            .. version)
  else
    describe("the host " .. name, function ()
      local found, text

      setup(function () found, text = run(name) end)

      for _, part in ipairs(outcomes.names) do
        it(part, function ()
          assert.matches("^ok ", found[part] or text)
        end)
      end

      for _, part in ipairs(beside[name] or {}) do
        it(part, function ()
          assert.matches("^ok ", found[part] or text)
        end)
      end
    end)
  end
end

if may_run "engine" then
  describe("a host that ends", function ()
    local found, text

    setup(function () found, text = run "leaving" end)

    for _, part in ipairs {
      "ends waits without a deadline", "lets those finish that have one",
      "makes no connection any more", "has its servers close with 1001",
      "releases the watch", "closes the connections",
    } do
      it(part, function () assert.matches("^ok ", found[part] or text) end)
    end
  end)
end
