-- Errors in the program's own functions are reported, never swallowed.
-- Depends on nothing. Never raises.

local traceback = debug.traceback

local report = {}

local hooks = {}

-- `hooks.onerror(why, text)`, read at each failure, is called instead of writing
-- to stderr.
function report.set_hooks (table)
  hooks = table
end

-- An error object that is a table has its fields `message` and `code` as text,
-- unless it has a __tostring.
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

-- What to raise for an error of a coroutine: a string gets its traceback, an
-- error object stays the same.
function report.raise (why, thread)
  if type(why) == "string" then return traceback(thread, why) end
  return why
end

-- Reports that `what` (a noun: "an event handler") failed with `why`.
function report.failure (what, why, thread)
  local text = report.trace(why, thread)
  local hook = hooks.onerror
  if hook and pcall(hook, why, text) then return end
  io.stderr:write("wsmanager: error in ", what, ": ", text, "\n")
end

local warned = {}

-- Writes a warning to stderr, each text once in the life of the program.
function report.warn (text)
  if warned[text] then return end
  warned[text] = true
  io.stderr:write("wsmanager: ", text, "\n")
end

return report
