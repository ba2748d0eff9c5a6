-- Error objects that defend themselves against being looked at.

local function raise () error("raised by an error object") end

local function with (meta)
  return setmetatable({}, meta)
end

-- name -> the error object; `nothing` is error(nil).
local error_objects = {
  ["a protected metatable"] = with {__metatable = true},
  ["a metatable that raises"] = with {
    __metatable = with {__index = raise}, __index = raise, __eq = raise,
    __tostring = raise, __concat = raise, __len = raise,
  },
  ["a text that is no string"] = with {__tostring = function () return {} end},
  ["a text without end"] = with {
    __tostring = function (self) return (tostring(self)) end,
  },
  ["a message that raises"] = {message = with {__tostring = raise}},
  ["a code that raises"] = {code = with {__tostring = raise}, message = "x"},
  ["one equal to all"] = with {__eq = function () return true end},
  ["a function"] = raise,
  ["a coroutine"] = coroutine.create(raise),
  ["a boolean"] = false,
  ["a number"] = 42,
  ["an empty string"] = "",
  ["a userdata"] = io.stdout,
}

return error_objects
