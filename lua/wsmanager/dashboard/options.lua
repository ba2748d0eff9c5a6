-- The options of wsmanager.dashboard: what each is, and what it may be.
-- Depends on option_rules.lua and schema.lua.
-- Never raises with a position: its callers add the line of theirs.

local rules = require "wsmanager.base.option_rules"
local schema = require "wsmanager.base.schema"

local rule, any, is = schema.rule, schema.any, schema.is

--- Lets an operator in: true, or his name for the log. Or refuses: nil, a status (403), a
--- body, headers; any other result is an error and refuses with 500. It is asked for each
--- request, and may wait, for `timeouts.open`.
---@alias wsmanager.AuthorizeOperator fun(request: wsmanager.Request): boolean|string|nil, any, any, any

--- What the program calls a server's connection. It may not wait.
---@alias wsmanager.ConnectionLabel fun(ws: wsmanager.Connection, request: wsmanager.Request): string|number|nil

--- The options of `wsmanager.dashboard`.
---@class wsmanager.DashboardOptions
---
--- Lets an operator in.
--- Default: nobody: each request is answered with 403.
---@field authorize? wsmanager.AuthorizeOperator
---
--- An operator may close connections: a server's with 1008; a client's ends and connects
--- again. With `false` the dashboard only reads.
--- Default: false.
---@field close? boolean
---
--- Shows clients, too: true for all of this Lua state, or a table of some, from names to
--- connections, which is read at each look.
--- Default: none.
---@field clients? true|table<string|integer, wsmanager.Connection>
---
--- A chat's server whose rooms are shown, or a function that returns it: the server may be
--- made after its page.
--- Default: none.
---@field chat? chat.Server|fun(): chat.Server?
---
--- The text of a connection's column "label".
--- Default: none.
---@field label? wsmanager.ConnectionLabel
---
--- The page's heading.
--- Default: the name of the module.
---@field title? string

local own = {
  authorize = rules.callback,
  close = rules.flag,
  clients = rule(any(function (value) return value == true end, is "table"),
                 "true or table of connections"),
  chat = rule(any(is "table", is "function"), "chat's server or function"),
  label = rules.callback,
  title = rules.text,
}

-- For the reference, which shows what is checked.
local options = {tables = {own = own}}

-- Raises for the first option that is unknown or of a wrong type.
function options.check (given)
  schema.check(given, own, "")
end

return options
