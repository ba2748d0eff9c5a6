// Slack's Socket Mode and Web API, as its documentation has them ("Using Socket Mode",
// "apps.connections.open", "chat.postMessage", "Rate limits").
//
// Options: app_token, bot_token; too_many: so many posts are answered with 429 first (0).
// Script: mention { text, event_id }; disconnect { reason, stays (it does not close) }; cut; close { code }; revoke (the app token).
// What is not acknowledged when a connection ends comes again on another one.
//
// Events: acknowledged { envelope_id }, posted { channel, text }; of service.js: request,
// open, closed.
"use strict";
const { options, tell } = require("./peer.js");
const { serve } = require("./service.js");

const { app_token = "xapp-1", bot_token = "xoxb-1" } = options;
let tooMany = options.too_many || 0;
let count = 0, revoked = false;
const tickets = new Set(); // a URL is for one connection
const waiting = new Map(); // envelope_id -> envelope
const online = new Set();

// --- the Web API ---

const denied = (request, token) => request.headers.authorization !== `Bearer ${token}`;
const DENIED = [200, {}, { ok: false, error: "invalid_auth" }];

function open(request) {
  if (revoked || denied(request, app_token)) return DENIED;
  const ticket = String(++count);
  tickets.add(ticket);
  return [200, {}, { ok: true, url: `ws://127.0.0.1:${server.address().port}/link/?ticket=${ticket}` }];
}

function post(request) {
  if (denied(request, bot_token)) return DENIED;
  if (tooMany-- > 0) return [429, { "Retry-After": "1" }, { ok: false, error: "ratelimited" }];
  tell("posted", { channel: request.body.channel, text: request.body.text });
  return [200, {}, { ok: true, ts: `${++count}.0` }];
}

// --- Socket Mode ---

function send(envelope) {
  const ws = [...online].find((one) => one.readyState === one.OPEN);
  if (!ws) return;
  envelope.ws = ws;
  ws.send(JSON.stringify({ ...envelope, ws: undefined }));
}

function sendLost() {
  for (const envelope of waiting.values()) if (!online.has(envelope.ws)) send(envelope);
}

function connect(ws, url) {
  if (!tickets.delete(url.searchParams.get("ticket"))) return ws.close(1008, "the URL was used");
  online.add(ws);
  ws.on("close", () => {
    online.delete(ws);
    sendLost();
  });
  ws.on("message", (data) => {
    const { envelope_id } = JSON.parse(data);
    if (!waiting.delete(envelope_id)) return;
    tell("acknowledged", { envelope_id });
  });
  ws.send(JSON.stringify({ type: "hello", num_connections: online.size,
    connection_info: { app_id: "A1" }, debug_info: { approximate_connection_time: 18060 } }));
  sendLost();
}

function mention({ text, event_id = `Ev${++count}` }) {
  const envelope = {
    type: "events_api", envelope_id: `envelope-${++count}`, accepts_response_payload: false,
    payload: { type: "event_callback", event_id, event_time: 1,
      event: { type: "app_mention", channel: "C1", user: "U1", text, ts: "1.0" } },
  };
  waiting.set(envelope.envelope_id, envelope);
  send(envelope);
}

// A warning comes some seconds before the end.
function disconnect({ reason, stays }) {
  for (const ws of online) {
    ws.send(JSON.stringify({ type: "disconnect", reason, debug_info: { host: "x" } }));
    if (reason !== "warning" && !stays) ws.close(1000);
  }
}

const each = (act) => (body) => online.forEach((ws) => act(ws, body));
const script = {
  mention,
  disconnect,
  cut: each((ws) => ws.terminate()),
  close: each((ws, { code }) => ws.close(code)),
  revoke: () => { revoked = true; },
};

const server = serve({
  routes: { "POST /api/apps.connections.open": open, "POST /api/chat.postMessage": post },
  script, connect,
});
