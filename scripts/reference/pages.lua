-- The pages of the reference: which class, function and option is on which page.
--
-- A page: `name` (its file), `title`, `short` (its line in the index), `about` (a paragraph),
-- and sections. A section has one of
--   module = true            the functions and values of `wsmanager`
--   class = "wsmanager.X"    its text, its fields, its methods; `call` is how its methods are
--                            called ("ws:"), `fields` what its fields are called by ("ws.")
--   options = "wsmanager.X"  each option of that class, with what is checked and its groups;
--                            `rules` names the table of the checks: one of surface.rules, or
--                            a module, whose `tables.own` it is
--   namespace = "chat"       the functions and values of such a table: `from` is its module,
--                            `of` the class with its fields
--   values = "wsmanager.X"   an alias's values, each with what it means
--   types = { … }            aliases of functions and the like, by name
--   write = "presets"        a function of written.lua
--   events = true            each event, with its fields
--   list = { … }             lines below `text`: each {text, options that raise for it, …}
--   functions = { … }        functions of the table `of` in wsmanager.chat
-- and may have a `title` and `text`. A class that a public one names must be on a page:
-- what is missing is told by the generator.

return {
  {
    name = "wsmanager", title = "The module", short = "its functions and values",
    about = "`local wsmanager = require \"wsmanager\"` has these functions and values.",
    { module = true },
  },
  {
    name = "connection", title = "A connection",
    short = "what `wsmanager.new` returns: its methods and fields",
    { class = "wsmanager.Connection", call = "ws:", fields = "ws.", order = {
      "send", "receive", "messages", "on", "off", "subscribe", "request", "opened", "drain",
      "close", "closed", "reconnect", "migrate", "heartbeat", "ping", "flush", "stats",
      "unsent", "unacknowledged", "answer", "addEventListener", "removeEventListener",
    } },
    { class = "wsmanager.SendOptions", title = "Options of a message" },
    { class = "wsmanager.Answer", title = "The peer's response" },
  },
  {
    name = "options", title = "Options of a connection", short = "the options of `wsmanager.new`",
    about = "Times are in seconds, sizes in bytes. nil keeps the default; `false` switches off "
      .. "what can be switched off. An unknown option, and a value of a wrong type, raise.",
    { options = "wsmanager.Options", rules = "client", whole = { preset = true },
      text = "`onopen`, `onmessage` and the other listeners of events are options, too: see "
        .. "`wsmanager.EventProperties`.", order = {
      "url", "protocols", "headers", "tls", "proxy", "proxy_tls", "redirects", "heartbeat",
      "reconnect", "timeouts", "login", "outbox", "rate", "inbox", "buffer",
      "limits", "compress", "stream", "inflate", "decode", "dispatch", "correlate",
      "identify", "acknowledge", "dedupe", "log", "preset",
    } },
    { title = "Options that contradict each other",
      text = "These raise, and the error names both. The default of an option that is not given "
        .. "counts, too, but for `reconnect.max_delay`, which is never less than a "
        .. "`reconnect.delay`.", list = {
      { "`heartbeat.timeout` that is not longer than `heartbeat.interval`",
        { heartbeat = { interval = 30, timeout = 30 } } },
      { "`heartbeat.mode` or `heartbeat.jitter` with `heartbeat.interval` = `false`",
        { heartbeat = { interval = false, mode = "sent" } },
        { heartbeat = { interval = false, jitter = 1 } } },
      { "`heartbeat.ack` or `heartbeat.kind` without a `heartbeat.message`",
        { heartbeat = { ack = print } }, { heartbeat = { kind = "text" } } },
      { "`heartbeat.message` over `limits.send`",
        { heartbeat = { message = "long" }, limits = { send = 3 } } },
      { "`reconnect.max_delay` shorter than `reconnect.delay`",
        { reconnect = { delay = 3, max_delay = 2 } } },
      { "`reconnect.factor` or `reconnect.max_delay` with a `reconnect.delay` that is a list or a "
        .. "function", { reconnect = { delay = { 1, 2 }, factor = 2 } },
        { reconnect = { delay = print, max_delay = 2 } } },
      { "`rate` without a number or `per`; `rate.reserve` that leaves nothing for others",
        { rate = { 5 } }, { rate = { per = 5 } }, { rate = { 5, per = 1, reserve = 5 } } },
      { "`limits.frame` over `limits.message`; `limits.message` = `false` without `stream`",
        { limits = { frame = 9, message = 8 } }, { limits = { message = false } } },
      { "`limits.handshake` and `timeouts.open` that differ",
        { limits = { handshake = 1 }, timeouts = { open = 2 } } },
      { "`stream` with what needs whole messages: `decode`, `inflate`, `dispatch`, `correlate`, "
        .. "`identify`, `acknowledge`, `dedupe`, `heartbeat.ack`, `onmessage`",
        { stream = true, decode = "json" }, { stream = true, inflate = "zlib-stream" },
        { stream = true, dispatch = print }, { stream = true, dedupe = print },
        { stream = true, correlate = { set = print, get = print } },
        { stream = true, identify = print, acknowledge = print },
        { stream = true, heartbeat = { message = "x", ack = print } },
        { stream = true, onmessage = print } },
      { "`dispatch` or `correlate` as a field without `decode`; `correlate.field` beside "
        .. "`correlate.set` and `correlate.get`; `timeouts.request` without `correlate`",
        { dispatch = "op" }, { correlate = "id" }, { timeouts = { request = 1 } },
        { decode = "json", correlate = { field = "id", set = print, get = print } } },
      { "`identify` without `acknowledge`, and the other way round",
        { identify = print }, { acknowledge = print } },
      { "`tls` with a `ws://` URL, unless `redirects` may lead to `wss`", { tls = {} } },
      { "`tls.ca`, `tls.hostname` or `tls.ask` with `tls.verify` = `false`, and the same for "
        .. "`proxy_tls`",
        { url = "wss://127.0.0.1:1", tls = { ca = "x", verify = false } },
        { url = "wss://127.0.0.1:1", tls = { hostname = "x", verify = false } } },
      { "`proxy_tls` without an https proxy", { proxy_tls = {} },
        { proxy = "http://127.0.0.1:1", proxy_tls = {} } },
    } },
    { class = "wsmanager.Ending", title = "How a connection ended" },
    { class = "wsmanager.Last", title = "How the connection before ended" },
    { types = { "wsmanager.Delay", "wsmanager.HeartbeatMessage", "wsmanager.HeartbeatAck",
      "wsmanager.ToId" }, title = "Functions" },
    { class = "wsmanager.Protocols", title = "Subprotocols" },
    { class = "wsmanager.Codec", title = "A codec of your own" },
  },
  {
    name = "events", title = "Events", short = "the events of a connection and their fields",
    about = "A listener gets one table. It runs in a coroutine of its own and may wait.",
    { values = "wsmanager.EventName", head = "event" },
    { class = "wsmanager.Event", title = "Fields of every event", fields = "event." },
    { events = true },
    { class = "wsmanager.EventProperties", title = "Listeners" },
  },
  {
    name = "states", title = "States", short = "the states of a connection",
    { values = "wsmanager.State", head = "`ws.state`" },
  },
  {
    name = "errors", title = "Failures", short = "tokens, close codes, and what raises",
    about = "A wrong call raises, at the line of the caller. What goes wrong in the world "
      .. "returns `nil, token, detail`: the token is one of these, the detail a sentence that "
      .. "says what happened, to whom, and what to do.",
    { values = "wsmanager.Token", head = "token", anchors = true },
    { write = "close_codes", title = "Close codes" },
  },
  {
    name = "stats", title = "Statistics", short = "the fields of `ws:stats()`",
    { class = "wsmanager.Stats" },
    { class = "wsmanager.TlsStats", title = "TLS" },
  },
  {
    name = "messages", title = "Receiving",
    short = "messages by name, requests, subscriptions, messages in parts",
    about = "`ws:receive` and `ws:messages` are on the page of [a connection](connection.md), as "
      .. "are `ws:on`, `ws:request` and `ws:subscribe`. Here is what these take and return.",
    { types = { "wsmanager.MessageHandler" }, title = "A handler" },
    { class = "wsmanager.RequestOptions", title = "Options of a request" },
    { options = "wsmanager.Correlation", rules = "correlation", prefix = "correlate.",
      title = "How answers are known" },
    { class = "wsmanager.SubscribeOptions", title = "Options of a subscription" },
    { class = "wsmanager.Subscription", call = "subscription:", fields = "subscription.",
      title = "A subscription" },
    { class = "wsmanager.Reader", call = "reader:", fields = "reader.",
      title = "A message in parts" },
  },
  {
    name = "login", title = "Logging in", short = "the function `login`: what it gets and returns",
    { types = { "wsmanager.LoginFunction" } },
    { class = "wsmanager.Login", call = "handle:", fields = "handle.",
      title = "The handle of one connection" },
    { class = "wsmanager.LoginInfo", title = "Where it stands", fields = "info." },
  },
  {
    name = "server", title = "A server",
    short = "`wsmanager.serve`: its options, a request, the server's methods",
    { class = "wsmanager.Server", call = "server:", fields = "server." },
    { class = "wsmanager.Request", title = "A request", fields = "request." },
    { class = "wsmanager.Inherited", title = "A descriptor that was passed on" },
    { options = "wsmanager.ServerOptions", rules = "server", title = "Options",
      shared = "wsmanager.SharedOptions" },
    { types = { "wsmanager.Authorize", "wsmanager.Page" }, title = "Functions" },
  },
  {
    name = "tasks", title = "Tasks and queues", short = "coroutines that are joined and cancelled",
    { class = "wsmanager.Task", call = "task:", fields = "task.", title = "A task" },
    { class = "wsmanager.Queue", call = "queue:", title = "A queue" },
    { class = "wsmanager.Signal", call = "signal:", fields = "signal.",
      title = "A signal that is watched" },
  },
  {
    name = "fetch", title = "HTTP requests", short = "`wsmanager.fetch`: its options, a response",
    { options = "wsmanager.FetchOptions", rules = "fetch" },
    { class = "wsmanager.Response", call = "response:", fields = "response.",
      title = "A response" },
  },
  {
    name = "websocket", title = "The standard's WebSocket",
    short = "`wsmanager.WebSocket`, as a browser has it",
    { class = "wsmanager.WebSocket", call = "socket:", fields = "socket." },
  },
  {
    name = "chat", title = "The chat", short = "`wsmanager.chat`: its client and its messages",
    { namespace = "chat", from = "wsmanager.chat", of = "chat.module" },
    { class = "chat", call = "talk:", fields = "talk.", title = "A chat" },
    { options = "chat.options", rules = "chat", without = "wsmanager.Options",
      title = "Options of `chat.new`" },
    { class = "chat.session", title = "Credentials" },
    { class = "Message", title = "A message" },
    { class = "chat.frame", title = "A receipt" },
    { class = "chat.contact", title = "A contact" },
    { class = "chat.change", title = "A change at a contact" },
    { enums = { "chatTypes", "chatAction", "chat.action", "messageType", "wsState" },
      title = "Numbers" },
    { class = "chat.wsManager", call = "manager:", title = "The first document's class" },
  },
  {
    name = "chat-server", title = "The chat's server",
    short = "`chat.serve`, and what it keeps messages in",
    { options = "chat.ServerOptions", rules = "chat_server",
      without = "wsmanager.ServerOptions", title = "Options of `chat.serve`" },
    { class = "chat.Server", call = "server:", fields = "server.", title = "The server" },
    { functions = { "memory", "sqlite" }, of = "history", call = "chat.history.",
      title = "What messages are kept in" },
    { class = "chat.history", title = "A history" },
    { class = "chat.stored", title = "A message that is kept" },
    { class = "chat.marks", title = "Marks" },
    { types = { "chat.encode" } },
  },
  {
    name = "testing", title = "Testing a program",
    short = "`wsmanager.testing`: a scripted server and a clock",
    { class = "wsmanager.Testing", call = "testing.", title = "Functions" },
    { class = "wsmanager.TestServer", call = "server:", fields = "server.",
      title = "A scripted server" },
    { class = "wsmanager.TestPeer", call = "peer:", fields = "peer.", title = "A script's peer" },
    { class = "wsmanager.TestClock", call = "clock:", title = "A clock" },
  },
  {
    name = "hosts", title = "Event loops of others",
    short = "`wsmanager.use`, and a host of your own",
    { class = "wsmanager.Host", title = "A host" },
    { class = "wsmanager.Loop", title = "The module's loop", fields = "loop." },
  },
  {
    name = "observing", title = "Seen from outside", short = "log, trace and metrics",
    { types = { "wsmanager.Log" }, title = "A log" },
    { values = "wsmanager.LogEvent", head = "`fields.event`" },
    { class = "wsmanager.Trace", call = "trace:", title = "A trace" },
    { class = "wsmanager.TraceOptions", title = "Options of a trace" },
    { write = "metrics", title = "Metrics" },
  },
  {
    name = "dashboard", title = "The dashboard",
    short = "`wsmanager.dashboard`: its options",
    { options = "wsmanager.DashboardOptions", rules = "dashboard" },
    { types = { "wsmanager.AuthorizeOperator", "wsmanager.ConnectionLabel" },
      title = "Functions" },
  },
  {
    name = "presets", title = "Presets", short = "what some public services ask for",
    { class = "wsmanager.Presets", bare = true },
    { write = "presets" },
    { class = "wsmanager.Preset", title = "A preset of your own" },
  },
}
