-- The module wsmanager.fetch.core, which needs libcurl and may not be there.
-- Depends on it and on optional.lua.
-- Never raises with a position: its callers add the line of theirs.

local optional = require "wsmanager.base.optional"

local native = {}

local NOT_BUILT =
  "wsmanager.fetch needs libcurl, and wsmanager was built without it: install the "
  .. "package that has its headers (Debian: apt-get install libcurl4-openssl-dev) and "
  .. "build again (make install, or luarocks install wsmanager-fetch)"

local NOT_LOADED = "wsmanager.fetch needs libcurl (Debian: apt-get install libcurl4), "
                   .. "which cannot be loaded: "

---@class fetch.core
---@field libcurl string   its version
---@field failmemory fun(calls: integer)   for specs
---@field open fun(): fetch.multi|nil, string?, string?
---@field start fun(multi, loop: core.loop, number: number, request: table): fetch.transfer|nil, string?, string?

---@class fetch.multi : userdata   the connections of this Lua state, and its requests
---@field next fun(self): number?  of a request that has finished
---@field id fun(self): integer    of its handle on the loop, which is ready then; 0: it is on none
---@field rest fun(self)           leaves the loop if nothing is under way
---@field close fun(self)          also __gc

---@class fetch.transfer : userdata   a request
---@field result fun(self): table|nil, string?, string?   once, when it has finished
---@field progress fun(self): number, boolean   bytes of the body received; the head was
---@field cancel fun(self)         also __gc

local function is_missing (why)
  return type(why) == "string"
         and why:find("module 'wsmanager.fetch.core' not found", 1, true) ~= nil
end

-- The module; raises a sentence, without a position, where it cannot be loaded.
---@return fetch.core
function native.load ()
  local ok, module = optional.load "wsmanager.fetch.core"
  if ok then return module end
  error(is_missing(module) and NOT_BUILT or NOT_LOADED .. tostring(module), 0)
end

return native
