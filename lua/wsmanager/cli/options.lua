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

-- `words`, of options: values by their names; of commands: what they may be given.

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
    {name = "version", help = "print the version of the module"},
    {name = "help", short = "h", help = "print this"},
  },
  listening = {
    title = "The server",
    {name = "host", value = "ADDRESS",
     help = "where it listens (127.0.0.1); 0.0.0.0: every network"},
    {name = "port", short = "p", value = "PORT", kind = "integer", least = 0,
     help = "8080; 0: a free one"},
    {name = "path", value = "FILE", file = true, help = "a Unix socket instead"},
    {name = "cert", value = "FILE", file = true, help = "TLS, with this certificate"},
    {name = "key", value = "FILE", file = true, help = "its key; where absent in the same file"},
    {name = "subprotocol", short = "s", value = "NAME", many = true, help = "choose this one"},
    {name = "compress", short = "z", help = "agree to permessage-deflate"},
    {name = "max-message", value = "BYTES", kind = "integer", least = 1,
     help = "refuse larger messages (16777216)"},
  },
  load = {
    title = "The load",
    {name = "connections", short = "c", value = "N", kind = "integer", least = 1,
     help = "so many at once (10)"},
    {name = "in-flight", short = "n", value = "N", kind = "integer", least = 1,
     help = "messages of each that wait for their echo (1)"},
    {name = "size", value = "BYTES", kind = "integer", least = 0, help = "of a message (32)"},
    {name = "seconds", short = "d", value = "SECONDS", kind = "number", least = 0.1,
     help = "how long (10)"},
    {name = "binary", short = "b", help = "binary messages"},
  },
  telling = {
    title = "What is told",
    {name = "verbose", short = "v", help = "all that it does, and why"},
    {name = "quiet", short = "q", help = "only errors"},
    {name = "help", short = "h", help = "print this"},
  },
  helping = {
    title = "Options",
    {name = "help", short = "h", help = "print this"},
  },
}

---@class wsmanager.cli.Command
---@field usage string
---@field summary string
---@field words? string[]   what else may be given
---@field examples string[][]   a command, what it does
---@field groups string[]

---@type table<string, wsmanager.cli.Command>
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
  serve = {
    usage = "wsm serve [OPTIONS] [echo|broadcast|room]",
    summary = "serve an echo, a broadcast, or a page and a room",
    words = {"echo", "broadcast", "room"},
    examples = {
      {"wsm serve", "each message comes back: ws://127.0.0.1:8080/"},
      {"wsm serve broadcast -p 9000", "each message goes to all others"},
      {"wsm serve room", "http://127.0.0.1:8080/: a page to talk in"},
      {"wsm serve --host 0.0.0.0 --cert cert.pem --key key.pem", "wss, for the network"},
    },
    groups = {"listening", "telling"},
  },
  bench = {
    usage = "wsm bench [OPTIONS] URL",
    summary = "measure an echo server: messages a second, round trips",
    examples = {
      {"wsm bench :8080", "10 connections, one message each in flight, 10 s"},
      {"wsm bench -c 100 -n 64 --size 1024 :8080", "throughput"},
      {"wsm bench -q -d 60 :8080 > result.json", "only the result, as JSON"},
    },
    groups = {"load", "request", "tls", "connection", "telling"},
  },
  probe = {
    usage = "wsm probe [OPTIONS] URL",
    summary = "show each step of a connection, its time, the certificate",
    examples = {
      {"wsm probe wss://chat.example.com/", "from the name to the 101, and back"},
      {"wsm probe -x env wss://chat.example.com/", "by the proxy of the environment"},
      {"wsm probe -s chat -z :8080 > report.txt", "what to send to an operator"},
    },
    groups = {"request", "tls", "connection", "helping"},
  },
  completion = {
    usage = "wsm completion bash|zsh|fish",
    summary = "print what a shell needs to complete these words",
    words = {"bash", "zsh", "fish"},
    examples = {
      {'eval "$(wsm completion bash)"', "in ~/.bashrc"},
      {'eval "$(wsm completion zsh)"', "in ~/.zshrc, behind compinit"},
      {"wsm completion fish > ~/.config/fish/completions/wsm.fish", "once"},
    },
    groups = {"helping"},
  },
}

-- In the order in which the help names them.
options.order = {"talk", "serve", "bench", "probe", "completion"}

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
