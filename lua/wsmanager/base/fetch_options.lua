-- The options of wsmanager.fetch: what each is, and what it may be.
-- Depends on arguments.lua, option_rules.lua and schema.lua.

local arguments = require "wsmanager.base.arguments"
local rules = require "wsmanager.base.option_rules"
local schema = require "wsmanager.base.schema"

local rule, group, any, is = schema.rule, schema.group, schema.any, schema.is

--- The options of `wsmanager.fetch`. At most one of `body`, `json` and `form`.
---@class wsmanager.FetchOptions
---
--- The method, as it is sent.
--- Default: "GET", with a body "POST". Source: RFC 9110 9.
---@field method? string
---
--- `{Name = value}` or a list of `"Name: value"` lines; a value may be a list.
--- Default: `User-Agent: wsmanager`.
---@field headers? table
---
--- `{name = value}`, appended to the URL and percent-encoded; a value may be a list.
--- Default: none. Source: RFC 3986 2.1.
---@field query? table<string, any>
---
--- A body, sent as it is. It has no `Content-Type` unless you give one.
--- Default: none.
---@field body? string
---
--- Any value, sent as JSON with `Content-Type: application/json`.
--- Default: none. Source: RFC 8259.
---@field json? any
---
--- `{name = value}`, sent as a browser sends a form; a value may be a list.
--- Default: none. Source: URL Standard 5.
---@field form? table<string, any>
---
--- For all of it, redirects included. `false` or `math.huge`: without end. A connection must
--- be there after 10 seconds.
--- Unit: seconds. Default: 30.
---@field timeout? number|false
---
--- How many are followed: never from `https` to `http`, and without credentials, client
--- certificate and `tls.hostname` to another origin. `false`: a redirect is the response.
--- Unit: redirects. Default: 10. Source: RFC 9110 15.4.
---@field redirects? integer|false
---
--- What the response may have.
---@field limits? wsmanager.FetchLimits
---
--- TLS, for `https`.
---@field tls? wsmanager.FetchTls
---
--- As the option of a connection; `"env"`: as the environment's variables say.
--- Default: none.
---@field proxy? string|false
---
--- TLS to an https proxy.
---@field proxy_tls? wsmanager.FetchTls

--- What a response may have: more fails with `toobig`.
---@class wsmanager.FetchLimits
---
--- Its body, decompressed.
--- Unit: bytes. Default: 16 MiB.
---@field body? integer
---
--- Its head, with the fields after its body; 128 headers at most.
--- Unit: bytes. Default: 16 KiB.
---@field header? integer

--- TLS of a request.
---@class wsmanager.FetchTls
---
--- Whose certificates are trusted: a file, a folder, or PEM text.
--- Default: the system's CAs, or those of `SSL_CERT_FILE` and `SSL_CERT_DIR`.
---@field ca? string
---
--- The own certificate: a file, or PEM text.
--- Default: none.
---@field cert? string
---
--- Its private key: a file, or PEM text.
--- Default: none.
---@field key? string
---
--- The name that the server's certificate must have, instead of the URL's.
--- Default: the URL's host. Source: RFC 6125 6.
---@field hostname? string
---
--- Is the server's certificate checked? `false` trusts anybody.
--- Default: true.
---@field verify? boolean
---
--- The lowest version of TLS.
--- Default: "1.2".
---@field min? "1.2"|"1.3"
---
--- `"sha256//"` and base64, or a list of such: the server's key must be one of them, beside
--- what is checked anyway.
--- Default: none. Source: RFC 7469 2.4.
---@field pin? string|string[]

-- What libcurl can of a connection's.
local tls = group {
  ca = rules.text, cert = rules.text, key = rules.text, hostname = rules.text,
  verify = rules.flag, min = rules.tls_version, pin = rules.list,
}

local function is_present (value) return value ~= nil end

return {
  method = rules.text,
  headers = rule(is "table", "table"),
  query = rule(is "table", "table"),
  body = rules.text,
  json = rule(is_present, "value"),
  form = rule(is "table", "table"),
  timeout = rule(any(schema.is_false, arguments.is_timeout), "number or false"),
  redirects = rules.redirects,
  limits = group {body = rules.size, header = rules.size},
  tls = tls,
  proxy = rules.proxy,
  proxy_tls = tls,
}
