-- What went wrong in a program's own functions: told, never swallowed.
-- Stands on nothing. Where wsmanager.onerror is set it hears instead of stderr.
-- Never raises.

local traceback = debug.traceback

local report = {
  home = {},     -- the table whose `onerror` is asked: `wsmanager` itself
}

-- A table says what its fields `message` and `code` say, unless it has a text.
local function describe (why)
  if type(why) == "table" and not (getmetatable(why) or {}).__tostring then
    local code, message = rawget(why, "code"), rawget(why, "message")
    if code ~= nil then code = "code " .. tostring(code) end
    if message == nil then message, code = code, nil end
    if message ~= nil then
      return tostring(message) .. (code and " (" .. code .. ")" or "")
    end
  end
  local ok, text = pcall(tostring, why)
  return ok and text or "(an error object that has no text)"
end

-- The text of an error with the traceback of the coroutine that it ended.
function report.trace (why, thread)
  if type(why) == "table" or type(why) == "userdata" then
    return describe(why)
  end
  return traceback(thread, describe(why))
end

-- What to raise for an error of a coroutine: objects stay what they are.
function report.raise (why, thread)
  if type(why) == "string" then return traceback(thread, why) end
  return why
end

-- Tells that `what` (a noun: "an event handler") failed with `why`.
function report.failure (what, why, thread)
  local text = report.trace(why, thread)
  local hook = report.home.onerror
  if hook and pcall(hook, why, text) then return end
  io.stderr:write("wsmanager: error in ", what, ": ", text, "\n")
end

local warned = {}

-- Says something once in the life of the program.
function report.warn (text)
  if warned[text] then return end
  warned[text] = true
  io.stderr:write("wsmanager: ", text, "\n")
end

return report
