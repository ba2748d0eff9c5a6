-- A loop's descriptor among nginx's connections: beside an nginx of ours, which can be
-- one that the code does not know (support/nginxes.c). In the real one:
-- spec/wsmanager/host/openresty_spec.lua.

local files = require "support.files"
local programs = require "support.programs"

local START = [[
local core = require "wsmanager.core"
local nginxes = require "nginxes"
local loop = assert(core.loop())
local function state (...)
  local found, expected = {nginxes.state()}, {...}
  for i = 1, 3 do assert(found[i] == expected[i], i) end
end
]]

local function ends_well (how, program)
  assert.equal("status 0\n", programs.run(START .. program,
    ("NGINX=%s LD_PRELOAD='%s' "):format(how, assert(files.module "nginxes"))))
end

describe("a loop in nginx's epoll", function ()
  it("posts the semaphore when it is readable, until it is closed", function ()
    ends_well("known", [[
      local watch = assert(core.nginx(loop, nginxes.semaphore()))
      state(true, 0, true)
      assert(nginxes.readable() == 1 and nginxes.readable() == 2)
      watch:close()
      state(false, 1, false)
      watch:close()
      state(false, 1, false)
    ]])
  end)

  it("posts it for what is due at once, some times in a row", function ()
    ends_well("known", [[
      local watch = assert(core.nginx(loop, nginxes.semaphore()))
      loop:turn(0)
      loop:due(0)
      loop:due(0)
      assert(nginxes.posts() == 1)
      local turns = 1
      repeat
        loop:turn(0)
        local before = nginxes.posts()
        loop:due(0)
        turns = turns + 1
      until nginxes.posts() == before
      assert(nginxes.posts() == turns - 1 and turns < 50, turns)
      loop:turn(0)          -- which the descriptor has asked for
      loop:due(0)
      assert(nginxes.posts() == turns)
      watch:close()
      loop:turn(0)
      loop:due(0)
      assert(nginxes.posts() == turns)
    ]])
  end)

  it("does not post it for that in a worker that exits", function ()
    ends_well("known", [[
      local watch = assert(core.nginx(loop, nginxes.semaphore()))
      loop:turn(0)
      nginxes.exit()
      loop:due(0)
      assert(nginxes.posts() == 0)
    ]])
  end)

  it("ends with its garbage, in any order", function ()
    ends_well("known", [[
      local watch = assert(core.nginx(loop, nginxes.semaphore()))
      loop:close()
      state(true, 0, true)
      watch = nil
      collectgarbage()
      collectgarbage()
      state(false, 1, false)
    ]])
  end)

  local REFUSED = [[
      local watch, token, detail = core.nginx(loop, nginxes.semaphore())
      assert(watch == nil and token == "refused", token)
      assert(detail == "this nginx is not one whose epoll can be used from outside", detail)
  ]]

  for how, closed in pairs {index = 0, log = 0, used = 0, poll = 0, full = 0, deaf = 1} do
    it("is refused by one that differs (" .. how .. ")", function ()
      ends_well(how, REFUSED .. ("state(false, %d, false)"):format(closed))
    end)
  end

  it("is refused where there is no nginx", function ()
    assert.equal("status 0\n", programs.run [[
      local core = require "wsmanager.core"
      local watch, token = core.nginx(assert(core.loop()), 4096)
      assert(watch == nil and token == "refused", token)
    ]])
  end)
end)
