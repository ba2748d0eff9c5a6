local files = require "support.files"
local options = require "wsmanager.base.options"
local wsmanager = require "wsmanager"

local function over (preset, own)
  own.preset = preset
  return options.over_preset(own)
end

local function why_not (given)
  local ok, why = pcall(function ()
    local ws = wsmanager.new(given)
    return ws
  end)
  assert.is_false(ok)
  return why
end

describe("a preset", function ()
  for name, preset in pairs(wsmanager.presets) do
    it("is options that a connection takes: " .. name, function ()
      local ws = wsmanager.new {url = "ws://127.0.0.1:1", preset = preset}
      assert.equal("connecting", ws.state)
      ws:close()
    end)
  end

  it("is documented with each of its values", function ()
    local page = files.read "docs/how-to/public-services.md"
    local function check (row, value)
      if type(value) == "table" then
        for name, each in pairs(value) do
          if type(name) == "string" then
            assert.truthy(row:find("%f[%w_]" .. name .. "%f[^%w_]"), name)
          end
          check(row, each)
        end
        return
      end
      local is_there = row:find("%f[%w.]" .. tostring(value):gsub("%.", "%%.") .. "%f[^%w.]")
      for from, to in row:gmatch "(%d+) to (%d+)" do      -- close codes
        local number = tonumber(value)
        is_there = is_there or number and number >= tonumber(from) and number <= tonumber(to)
      end
      assert.truthy(is_there, tostring(value) .. " is not in " .. row)
    end
    for name, preset in pairs(wsmanager.presets) do
      local row = page:match("\n(| `" .. name .. "` | `[^\n]+)")
      assert.is_string(row, name)
      check(row, preset)
    end
  end)

  it("of another name raises, and says which was meant", function ()
    local function fails (name, what)
      local ok, why = pcall(function () return wsmanager.presets[name] ~= nil end)
      assert.is_false(ok)
      assert.matches("^[^\n:]*presets_spec.lua:%d+: " .. what .. "$", why)
    end
    fails("discrod", "there is no preset 'discrod' %(did you mean 'discord'%?%)")
    fails("twitchchat", "there is no preset 'twitchchat' %(did you mean 'twitch_chat'%?%)")
    fails("mattermost", "there is no preset 'mattermost'")
    fails(7, "there is no preset '7'")
    assert.same({heartbeat = "table", rate = "table"}, {
      heartbeat = type(wsmanager.presets.discord.heartbeat),
      rate = type(rawget(wsmanager.presets, "twitch_chat").rate),
    })
  end)

  it("gives way to own options, in a group each by itself", function ()
    local merged = over({
      heartbeat = {interval = 5, timeout = 9}, rate = {20, per = 30},
      reconnect = {pause = 0}, limits = {send = 100},
    }, {heartbeat = {timeout = 12}, rate = {10, per = 30}, reconnect = false})
    assert.same({interval = 5, timeout = 12}, merged.heartbeat)
    assert.same({10, per = 30}, merged.rate)
    assert.is_false(merged.reconnect)
    assert.same({send = 100}, merged.limits)
  end)

  it("is not changed by what is given over it", function ()
    over(wsmanager.presets.discord, {heartbeat = {interval = 1}, limits = {send = 1}})
    assert.equal(41.25, wsmanager.presets.discord.heartbeat.interval)
    assert.equal(4096, wsmanager.presets.discord.limits.send)
  end)

  it("that is none raises at the caller's line", function ()
    assert.matches("presets_spec.lua:%d+: bad option 'preset' %(table expected, got string%)",
                   why_not {url = "ws://x", preset = "discord"})
    assert.matches("unknown option 'preset.url'",
                   why_not {url = "ws://x", preset = {url = "ws://y"}})
    assert.matches("bad option 'preset.heartbeat.interval'",
                   why_not {url = "ws://x", preset = {heartbeat = {interval = 0}}})
    assert.matches("heartbeat.timeout",
                   why_not {url = "ws://x", preset = {heartbeat = {interval = 50}},
                            heartbeat = {timeout = 40}})
  end)

  it("is not for a server", function ()
    assert.is_false(pcall(wsmanager.serve, {
      port = 0, handler = print, preset = wsmanager.presets.discord,
    }))
  end)
end)
