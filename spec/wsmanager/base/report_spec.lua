local error_objects = require "support.error_objects"
local report = require "wsmanager.base.report"

describe("a report", function ()
  after_each(function () report.set_hooks {} end)

  it("has the text of an error, its message and code, or its __tostring", function ()
    local named = setmetatable({message = "not this"}, {
      __tostring = function () return "by itself" end,
    })
    assert.equal("plain", report.text("plain"))
    assert.equal("nil", report.text(nil))
    assert.equal("slipped (code 7)",
                 report.text {message = "slipped", code = 7})
    assert.equal("code 7", report.text {code = 7})
    assert.equal("by itself", report.text(named))
  end)

  for name, why in pairs(error_objects) do
    it("is made of " .. name, function ()
      local heard, text
      report.set_hooks {onerror = function (...) heard, text = ... end}
      report.failure("a function", why, coroutine.create(function () end))
      assert.is_true(rawequal(why, heard))
      assert.is_string(text)
      assert.is_string(report.text(why))
    end)
  end

  it("goes to stderr when its hook fails, whatever the hook is", function ()
    local kept, written = io.stderr, {}
    rawset(io, "stderr", {
      write = function (_, ...) written[#written + 1] = {...} end,
    })
    local hooks = {
      {onerror = error}, {onerror = 5}, {},
      setmetatable({}, {__index = function () error "no field" end}),
    }
    for _, each in ipairs(hooks) do
      report.set_hooks(each)
      report.failure("a function", "slipped")
    end
    rawset(io, "stderr", kept)
    assert.equal(#hooks, #written)
    assert.matches("a function: slipped", table.concat(written[1]))
  end)

  it("is given up where stderr cannot be written", function ()
    local kept = io.stderr
    for _, broken in ipairs {false, {write = error}} do
      rawset(io, "stderr", broken)
      local ok = pcall(report.failure, "a function", "slipped")
      local warned = pcall(report.warn, "careful " .. tostring(broken))
      rawset(io, "stderr", kept)
      assert.is_true(ok)
      assert.is_true(warned)
    end
  end)
end)
