local assignment = require "wsmanager.base.assignment"

-- Why the name may not be assigned, with this file's line; nil: it may.
local function refusal (name, is_server)
  local function set () assignment.check_field(name, {send = print}, is_server) end
  local ok, why = pcall(function () set() end)
  return not ok and why or nil
end

describe("an assignment to a connection", function ()
  it("may set a field of the program's own", function ()
    assert.is_nil(refusal "user")
    assert.is_nil(refusal(1))
    assert.is_nil(refusal(true))
  end)

  it("may set no property and no method", function ()
    assert.matches("^[^\n:]*assignment_spec.lua:%d+: 'state' cannot be assigned$",
                   refusal "state")
    assert.matches("'send' cannot be assigned$", refusal "send")
  end)

  it("may set no option of its side", function ()
    assert.matches("'reconnect' is an option %(give it to new%)$", refusal "reconnect")
    assert.is_nil(refusal("reconnect", true))
    assert.matches("'heartbeat' is an option %(give it to serve%)$",
                   refusal("heartbeat", true))
  end)

  it("finds the event property that was meant", function ()
    assert.matches("did you mean 'onmessage'", refusal "onMessage", 1, true)
  end)

  it("sets a function, or nil, as a handler", function ()
    assignment.check_handler("onopen", print)
    assignment.check_handler("onopen", nil)
    assert.has_error(function () assignment.check_handler("onopen", "x") end)
  end)
end)
