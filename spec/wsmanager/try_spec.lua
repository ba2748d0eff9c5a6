-- wsmanager.try: the results of a call, or an error that says why there are none.

local wsmanager = require "wsmanager"

local try = wsmanager.try

local function error_of(...)
  local is_ok, why = pcall(...)
  assert.is_false(is_ok)
  return why
end

describe("wsmanager.try", function()
  it("answers all that a call returned", function()
    local function count(...) return select("#", ...), ... end
    assert.same({ 4, "a", nil, false, nil }, { count(try("a", nil, false, nil)) })
    assert.equal(4, (count(try("a", nil, false, nil))))
  end)

  it("raises the detail at the line of its caller", function()
    local line
    local why = error_of(function()
      line = debug.getinfo(1, "l").currentline + 1
      local _ = try(nil, "refused", "nobody is there")
    end)
    assert.matches("try_spec%.lua:" .. line .. ": nobody is there$", why)
  end)

  it("raises the token where there is no detail, and says so where there is none", function()
    assert.matches(": closed$", error_of(function() local _ = try(nil, "closed") end))
    assert.matches(": closed$", error_of(function() local _ = try(false, "closed") end))
    assert.matches(": it failed and did not say why$",
      error_of(function() local _ = try(nil) end))
  end)

  it("raises an error object as it is", function()
    local object = { code = 1 }
    assert.equal(object, error_of(function() local _ = try(nil, "login", object) end))
  end)

  it("says which port is busy", function()
    local server = try(wsmanager.serve { host = "127.0.0.1", port = 0, handler = print })
    local why = error_of(function()
      local _ = try(wsmanager.serve {
        host = "127.0.0.1", port = server.port, handler = print })
    end)
    server:stop(0)
    assert.matches("cannot listen on 127.0.0.1:" .. server.port, why, 1, true)
    assert.matches("already in use", why, 1, true)
  end)
end)
