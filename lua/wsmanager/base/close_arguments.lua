-- Checks of the arguments of close() and reconnect(); errors at the line of the caller.
-- Depends on arguments.lua and url.lua. The values of a code and the length of a
-- reason are checked by the core.

local arguments = require "wsmanager.base.arguments"
local url = require "wsmanager.base.url"

local bad_argument = arguments.fail

local close_arguments = {}

-- Raises for a close code or a reason of a wrong type; `code_name` is
-- "#1 to 'close'". `level` as in arguments.lua.
function close_arguments.check_end (level, code_name, code, reason_name, reason)
  if code ~= nil and (type(code) ~= "number" or code % 1 ~= 0) then
    bad_argument(level + 1, code_name .. " (integer", code)
  elseif reason ~= nil and type(reason) ~= "string" then
    bad_argument(level + 1, reason_name .. " (string", reason)
  end
end

local known = {code = true, reason = true, url = true}

local function check_names (level, options)
  for name in pairs(options) do
    if not known[name] then
      error("unknown option '" .. tostring(name) .. "' of 'reconnect' ('code', "
            .. "'reason' and 'url' are known)", level + 2)
    end
  end
end

-- Raises for what is no table of options of reconnect().
function close_arguments.check (level, options)
  if type(options) ~= "table" then
    bad_argument(level + 1, "#1 to 'reconnect' (table", options)
  end
  check_names(level + 1, options)
  close_arguments.check_end(level + 1, "'code' of 'reconnect'", options.code,
                         "'reason' of 'reconnect'", options.reason)
  if options.url == nil then return end
  if type(options.url) ~= "string" then
    bad_argument(level + 1, "'url' of 'reconnect' (string", options.url)
  end
  arguments.call_at_level(level + 2, url.parse, options.url)
end

return close_arguments
