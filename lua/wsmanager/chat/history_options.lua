-- The options of the two histories.
-- Depends on schema.lua.
-- Never raises with a position: its callers add the line of theirs.

local schema = require "wsmanager.base.schema"

local size = schema.rule(schema.is_integer(1), "positive integer")
local both = { messages = size, bytes = size }

local of = {
  memory = both,
  sqlite = {
    messages = size, bytes = size,
    file = schema.rule(schema.is "string", "string"),
    sync = schema.rule(schema.is "boolean", "boolean"),
  },
}

-- For the reference, which shows what is checked.
local options = { tables = of }

-- Raises for the first option that is unknown or of a wrong type.
function options.check (given, kind)
  if type(given) ~= "table" then
    error(("bad argument #1 to '%s' (table expected, got %s)")
      :format(kind, type(given)), 0)
  end
  schema.check(given, of[kind], "")
  if kind == "sqlite" and not given.file then
    error("bad option 'file' (string expected, got nil)", 0)
  end
end

return options
