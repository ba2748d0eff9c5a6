-- luv: a poll handle on our descriptor. While nobody waits for anything of ours it does
-- not keep uv.run() from returning.
-- Depends on luv.

local optional = require "wsmanager.base.optional"

local uv = optional.need "luv"

return {
  name = "luv",
  watch = function (loop, turn)
    local handle = assert(uv.new_poll(loop:fd()))
    assert(handle:start("r", turn))
    local function release ()
      if not handle:is_closing() then handle:close() end
    end
    local function hold (wanted)
      if wanted then handle:ref() else handle:unref() end
    end
    return release, hold
  end,
}
