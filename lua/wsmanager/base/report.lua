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

-- tostring(value); raises for one whose __tostring raises or returns no string.
local function to_text (value)
  local text = tostring(value)
  if type(text) ~= "string" then error "no string" end
  return text
end

local function has_tostring (value)
  local meta = debug.getmetatable(value)
  return meta ~= nil and rawget(meta, "__tostring") ~= nil
end

-- An error object that is a table has its fields `message` and `code` as text,
-- unless it has a __tostring.
local function describe (why)
  if type(why) == "table" and not has_tostring(why) then
    local code, message = rawget(why, "code"), rawget(why, "message")
    if code ~= nil then code = "code " .. to_text(code) end
    if message == nil then message, code = code, nil end
    if message ~= nil then
      return to_text(message) .. (code and " (" .. code .. ")" or "")
    end
  end
  return to_text(why)
end

-- The text of an error, whatever its error object is and does.
function report.text (why)
  if type(why) == "string" then return why end
  local ok, text = pcall(describe, why)
  return ok and text or "(an error object that has no text)"
end

-- The text of an error with the traceback of the coroutine that it ended, or with `true`
-- of the handler's caller, if one is given and the error is no object. In place of the
-- coroutine: that text.
function report.trace (why, thread)
  if type(thread) == "string" then return thread end
  if not thread or type(why) == "table" or type(why) == "userdata" then
    return report.text(why)
  end
  if thread == true then return traceback(report.text(why), 3) end
  return traceback(thread, report.text(why))
end

-- What to raise for an error of a coroutine: a string gets its traceback, an
-- error object stays the same.
function report.raise (why, thread)
  if type(why) == "string" then return traceback(thread, why) end
  return why
end

local function write (text)
  io.stderr:write(text, "\n")
end

-- Has write(text, is_error) called instead of writing to stderr: where a host has a log.
function report.set_writer (fn)
  write = fn
end

local function call_hook (...)
  local hook = hooks.onerror
  if hook == nil then return false end
  hook(...)
  return true
end

-- Reports that `what` (a noun: "an event handler") failed with `why`, whose text, with
-- its traceback, is known.
function report.tell (what, why, text)
  local ok, called = pcall(call_hook, why, text)
  if ok and called then return end
  -- stderr may be closed
  pcall(write, "wsmanager: error in " .. what .. ": " .. text, true)
end

-- The same for an error whose text is not known yet.
function report.failure (what, why, thread)
  report.tell(what, why, report.trace(why, thread))
end

local warned = {}

-- Writes a warning there, each text once in the life of the program.
function report.warn (text)
  if warned[text] then return end
  warned[text] = true
  pcall(write, "wsmanager: " .. text, false)
end

return report
