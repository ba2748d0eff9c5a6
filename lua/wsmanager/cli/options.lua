-- What `wsm` understands: its commands and their options, in one table that the parser,
-- the help and the completion of shells read.
-- Depends on nothing.

-- An option has a `name`, perhaps a `short` letter, and a `value` (its placeholder) unless
-- it is a switch. `kind`: "number" or "integer", from `least` on; `words`: those instead of
-- a number; `choices`: one of these; `file`: a path; `many`: may be given several times.

---@class wsmanager.cli.Option
---@field name string
---@field short? string
---@field value? string
---@field kind? "number"|"integer"
---@field least? number
---@field words? table<string, any>
---@field choices? string[]
---@field file? true
---@field many? true
---@field help string

local options = {}

local FOREVER = {forever = math.huge}

---@type table<string, {title: string, [integer]: wsmanager.cli.Option}>
options.groups = {
  messages = {
    title = "Messages",
    {name = "message", short = "m", value = "TEXT", many = true,
     help = "send this; nothing else, but with --input"},
    {name = "input", short = "i", help = "after --message read the input all the same"},
    {name = "no-input", short = "n", help = "only listen"},
    {name = "login", short = "l", value = "LINE", many = true,
     help = "send this on every connection, before anything else"},
    {name = "login-file", value = "FILE", file = true,
     help = "the same, each line of a file: keeps a secret out of `ps`"},
    {name = "binary", short = "b", help = "send binary messages"},
    {name = "hex", help = "the lines to send are hexadecimal digits: binary messages"},
    {name = "whole", help = "all of the input is one message"},
    {name = "null", short = "0", help = "a zero byte ends a message, in and out, not a line feed"},
    {name = "raw", help = "write messages as they came: no indented JSON, no hex"},
    {name = "color", value = "WHEN", choices = {"auto", "always", "never"},
     help = "auto: in a terminal, unless NO_COLOR is set"},
    {name = "time", short = "t", help = "write the time before each message"},
    {name = "history", value = "FILE", file = true,
     help = "keep the lines typed there; or set WSM_HISTORY"},
  },
  ending = {
    title = "When it ends",
    {name = "count", short = "c", value = "N", kind = "integer", least = 1,
     help = "leave after so many messages were received"},
    {name = "wait", short = "w", value = "SECONDS", kind = "number", least = 0, words = FOREVER,
     help = "after the input leave when nothing came so long (2); forever"},
    {name = "reconnect", short = "r",
     help = "connect again when it is lost, in a pipe and at the start, too"},
    {name = "no-reconnect", help = "never connect again, in a terminal neither"},
  },
  request = {
    title = "The request",
    {name = "header", short = "H", value = "'NAME: VALUE'", many = true, help = "add a header"},
    {name = "header-file", value = "FILE", file = true,
     help = "add each line of a file: keeps a secret out of `ps`"},
    {name = "subprotocol", short = "s", value = "NAME", many = true, help = "offer a subprotocol"},
    {name = "origin", short = "o", value = "URL", help = "the header Origin"},
    {name = "user", short = "u", value = "NAME:PASSWORD", help = "HTTP's basic authentication"},
    {name = "redirects", short = "L", value = "N", kind = "integer", least = 0,
     help = "follow so many redirects (0)"},
    {name = "proxy", short = "x", value = "URL",
     help = "http, https, socks5 or socks5h; env: as the environment says"},
  },
  tls = {
    title = "TLS",
    {name = "ca", value = "FILE", file = true, help = "trust these authorities, not the system's"},
    {name = "cert", value = "FILE", file = true, help = "show this certificate"},
    {name = "key", value = "FILE", file = true, help = "its key"},
    {name = "insecure", short = "k", help = "trust any certificate"},
    {name = "pin", value = "sha256//...", many = true, help = "the peer's key has to be this one"},
    {name = "servername", value = "NAME", help = "whose certificate it has to be; the URL's host"},
    {name = "keylog", value = "FILE", file = true, help = "write the session keys, for Wireshark"},
  },
  connection = {
    title = "The connection",
    {name = "compress", short = "z", help = "offer permessage-deflate"},
    {name = "heartbeat", value = "SECONDS", kind = "number", least = 0.05,
     words = {off = false},
     help = "ping after so long (30), dead after 3.3 times that; off: never"},
    {name = "timeout", value = "SECONDS", kind = "number", least = 0.001,
     help = "to connect, from the name to the 101 (10)"},
    {name = "max-message", value = "BYTES", kind = "integer", least = 1,
     help = "refuse larger messages (16777216)"},
  },
  looking = {
    title = "To look closer",
    {name = "trace", help = "write each frame to stderr; credentials are masked by their names"},
    {name = "verbose", short = "v", help = "tell what it does, and why"},
    {name = "quiet", short = "q", help = "tell only errors"},
    {name = "help", short = "h", help = "print this"},
  },
}

---@type table<string, {usage: string, summary: string, about?: string, examples: string[][], groups: string[]}>
options.commands = {
  talk = {
    usage = "wsm [OPTIONS] URL",
    summary = "talk with a WebSocket server",
    examples = {
      {"wsm wss://chat.example.com/", "talk: type a line, Enter sends it"},
      {"wsm localhost:8080/echo", "ws:// is what is meant"},
      {"echo hello | wsm -c 1 :8080", "send a line, print the first answer, leave"},
      {"wsm -n :8080/feed | jq .price", "only listen; a message is a line"},
      {"wsm -H 'Authorization: Bot x' -l '{\"op\":2}' wss://gw.example.com", "headers, a login"},
      {"wsm --trace -v wss://example.com", "each frame, and what happens why"},
    },
    groups = {"messages", "ending", "request", "tls", "connection", "looking"},
  },
}

-- In the order in which the help names them.
options.order = {"talk"}

-- All options of a command, by name and by short letter.
---@return table<string, wsmanager.cli.Option>
function options.of (command)
  local found = {}
  for _, group in ipairs(options.commands[command].groups) do
    for _, option in ipairs(options.groups[group]) do
      found[option.name] = option
      if option.short then found[option.short] = option end
    end
  end
  return found
end

return options
