-- The page of `wsm serve room`: HTML, a style and a script, each at its own path.
-- Depends on nothing. The policy lets nothing run but these.

local HTML = [[
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>wsm room</title>
<link rel="stylesheet" href="/room.css">
<script src="/room.js" defer></script>
<h1>wsm room</h1>
<ol id="log" role="log" aria-label="Messages" tabindex="0"></ol>
<p id="state" role="status">connecting</p>
<form id="form">
  <label>Name <input id="name" autocomplete="nickname" maxlength="24" size="8"></label>
  <label id="message">Message
    <input id="text" autocomplete="off" maxlength="4000" required autofocus></label>
  <button>Send</button>
</form>
</html>
]]

local CSS = [[
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 42rem;
  padding: 0 1rem; height: 100vh; display: flex; flex-direction: column; box-sizing: border-box; }
h1 { font-size: 1.1rem; }
#log { flex: 1; overflow-y: auto; margin: 0; padding: .5rem; border: 1px solid GrayText;
  border-radius: .5rem; list-style: none; overflow-wrap: anywhere; }
#log b { margin-right: .5rem; }
#log time, .note, #state { opacity: .8; font-size: .9rem; }
#log time { float: right; margin-left: .5rem; }
#state { margin: .25rem 0; }
form { display: flex; gap: .5rem; padding-bottom: 1rem; align-items: end; flex-wrap: wrap; }
label { display: flex; flex-direction: column; font-size: .9rem; }
#message { flex: 1; }
input { font: inherit; padding: .4rem; min-width: 0; }
button { font: inherit; padding: .4rem 1rem; }
]]

local SCRIPT = [[
"use strict";
const log = document.getElementById("log");
const state = document.getElementById("state");
const text = document.getElementById("text");
const name = document.getElementById("name");
const waiting = [];
let delay = 1, socket;
try { name.value = localStorage.getItem("name") || ""; } catch { /* no storage */ }

function add(build) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  const item = document.createElement("li");
  build(item);
  log.append(item);
  while (log.childElementCount > 500) log.firstChild.remove();
  if (atEnd) log.scrollTop = log.scrollHeight;
}

function element(kind, words, title) {
  const made = document.createElement(kind);
  made.textContent = words;
  if (title) made.className = title;
  return made;
}

function show(message) {
  if (message.text === undefined) {
    const words = message.joined ? message.joined + " came" : message.left + " left";
    return add(item => item.append(element("span", words, "note")));
  }
  add(item => item.append(element("time", new Date().toLocaleTimeString()),
    element("b", message.from), message.text));
}

function connect() {
  const scheme = location.protocol === "https:" ? "wss://" : "ws://";
  socket = new WebSocket(scheme + location.host + "/?name=" + encodeURIComponent(name.value));
  socket.onopen = () => {
    state.textContent = "connected";
    log.replaceChildren();          // the server tells again what was said last
    delay = 1;
    while (waiting.length) socket.send(waiting.shift());
  };
  socket.onmessage = event => show(JSON.parse(event.data));
  socket.onclose = () => {
    state.textContent = "not connected; trying again in " + delay + " s";
    setTimeout(connect, delay * 1000);
    delay = Math.min(delay * 2 || 1, 30);
  };
}

// Another name is another connection.
name.addEventListener("change", () => {
  try { localStorage.setItem("name", name.value); } catch { /* no storage */ }
  delay = 0;
  socket.close();
});

document.getElementById("form").addEventListener("submit", event => {
  event.preventDefault();
  if (socket.readyState === WebSocket.OPEN) socket.send(text.value);
  else waiting.push(text.value);
  text.value = "";
});
connect();
]]

local POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'; "
               .. "form-action 'none'; frame-ancestors 'none'; connect-src 'self'"

local function route (kind, text)
  return function (request)
    if request.method ~= "GET" and request.method ~= "HEAD" then
      return 405, "GET it\n", {Allow = "GET, HEAD"}
    end
    local own = (request.host or ""):match "^[%w.:%[%]-]+$"    -- Safari's 'self' is no ws://
    return 200, text, {
      ["Content-Type"] = kind .. "; charset=utf-8", ["X-Content-Type-Options"] = "nosniff",
      ["Content-Security-Policy"] = POLICY .. (own and " ws://" .. own .. " wss://" .. own or ""),
    }
  end
end

return {
  routes = {
    ["/"] = route("text/html", HTML), ["/room.css"] = route("text/css", CSS),
    ["/room.js"] = route("text/javascript", SCRIPT),
  },
}
