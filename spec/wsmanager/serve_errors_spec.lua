-- Error objects of any kind in the functions of a server.

local wsmanager = require "wsmanager"
local error_objects = require "support.error_objects"
local ours = require "support.ours"

local run, await, echo = wsmanager.run, ours.await, ours.echo

describe("a server", function ()
  local url, reports

  local function serve (options)
    local _
    _, url = ours.serve(options)
  end

  local function connect ()
    return wsmanager.new {url = url, reconnect = false}
  end

  before_each(function () reports = ours.hush() end)
  after_each(ours.stop)

  for name, why in pairs(error_objects) do
    it("outlives functions that throw " .. name, function ()
      local function throw () error(why, 0) end
      local told
      local functions = {
        {handler = throw}, {handler = echo, authorize = throw},
        {handler = throw, onerror = function (got, _, text) told = {got, text} end},
        {handler = throw, onerror = throw},
        {handler = echo, page = throw, authorize = function ()
          return nil, why
        end},
      }
      for i, options in ipairs(functions) do
        serve(options)
        run(function ()
          local before = #reports
          local code = connect():closed(60)
          assert.equal(options.authorize and 1006 or 1011, code)
          await(function () return #reports > before or told end)
          if i ~= 5 then
            assert.is_true(rawequal(why, (told or {reports[#reports].why})[1]))
          end
          if told and type(why) == "string" then
            assert.matches("\nstack traceback:", told[2])
          end
          told = nil
        end)
      end
    end)
  end
end)
