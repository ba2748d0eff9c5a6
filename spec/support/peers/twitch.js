// Twitch's EventSub over WebSocket, Helix and its tokens, as its documentation has them
// ("Handling WebSocket Events", "Create EventSub Subscription", "Send Chat Message",
// "Refreshing Access Tokens", "Twitch API Guide: rate limits").
//
// Options: keepalive in seconds (10); silent: no keepalives; too_many: so many posts are
// answered with 429 first (0). The token "access-1" is good until `expire`; a refresh with
// "refresh-N" gives "access-N+1" and "refresh-N+1".
// Script: chat { text, message_id }; reconnect: session_reconnect to all; expire (the token);
// revoke (the subscriptions); cut; close { code }.
// A session without a subscription after 10 s is closed with 4003, one whose client sends
// anything with 4001, an old one after a reconnect with 4004.
//
// Events: subscribed { type, session }, said { text }, refreshed, carried { session }; of
// service.js: request, open, closed.
"use strict";
const { options, tell } = require("./peer.js");
const { serve } = require("./service.js");

const { keepalive = 10, silent = false } = options;
let tooMany = options.too_many || 0;
let generation = 1, expired = false, count = 0;
const sessions = new Map(); // id -> { id, ws, subscriptions }

const metadata = (type, more) => ({
  message_id: `message-${++count}`, message_type: type,
  message_timestamp: new Date().toISOString(), ...more,
});

const send = (ws, type, payload, more) =>
  ws.send(JSON.stringify({ metadata: metadata(type, more), payload }));

// --- Helix and tokens ---

const denied = (request) =>
  expired || request.headers.authorization !== `Bearer access-${generation}` || !request.headers["client-id"];
const DENIED = [401, {}, { error: "Unauthorized", status: 401, message: "Invalid OAuth token" }];
const limits = (left) => ({ "Ratelimit-Limit": 800, "Ratelimit-Remaining": left,
  "Ratelimit-Reset": Math.floor(Date.now() / 1000) + 1 });

function subscribe(request) {
  if (denied(request)) return DENIED;
  const { type, version, condition, transport } = request.body;
  const session = sessions.get(transport.session_id);
  if (transport.method !== "websocket" || !session) {
    return [400, limits(799), { error: "Bad Request", status: 400, message: "websocket transport session does not exist or has already disconnected" }];
  }
  const subscription = { id: `subscription-${++count}`, status: "enabled", type, version, condition, transport };
  session.subscriptions.push(subscription);
  tell("subscribed", { type, session: session.id });
  return [202, limits(799), { data: [subscription] }];
}

function say(request) {
  if (denied(request)) return DENIED;
  if (tooMany-- > 0) return [429, limits(0), { error: "Too Many Requests", status: 429, message: "too many" }];
  tell("said", { text: request.body.message });
  return [200, limits(799), { data: [{ message_id: `${++count}`, is_sent: true }] }];
}

function refresh(request) {
  if (request.body.grant_type !== "refresh_token" || request.body.refresh_token !== `refresh-${generation}`) {
    return [400, {}, { error: "Bad Request", status: 400, message: "Invalid refresh token" }];
  }
  generation += 1;
  expired = false;
  tell("refreshed");
  return [200, {}, { access_token: `access-${generation}`, refresh_token: `refresh-${generation}`, expires_in: 14400, scope: [], token_type: "bearer" }];
}

// --- the sessions ---

const describe = ({ id }, more) => ({ session: { id, status: "connected",
  keepalive_timeout_seconds: keepalive, reconnect_url: null,
  connected_at: new Date().toISOString(), ...more } });

function connect(ws, url) {
  const old = sessions.get(url.searchParams.get("from"));
  const session = { id: `session-${++count}`, ws, subscriptions: [] };
  sessions.set(session.id, session);
  if (old) {
    session.subscriptions = old.subscriptions;
    old.moved = true;
    tell("carried", { session: session.id });
  }
  send(ws, "session_welcome", describe(session));
  const pulse = silent ? null : setInterval(() => send(ws, "session_keepalive", {}), keepalive * 900);
  const unused = setTimeout(() => session.subscriptions.length || ws.close(4003, "connection unused"), 10000);
  ws.on("message", () => ws.close(4001, "client sent inbound traffic"));
  ws.on("close", () => {
    clearInterval(pulse);
    clearTimeout(unused);
    sessions.delete(session.id);
  });
}

function chat({ text, message_id }) {
  for (const { ws, subscriptions, moved } of sessions.values()) {
    if (moved) continue;
    for (const subscription of subscriptions) {
      const more = { subscription_type: subscription.type, subscription_version: "1" };
      if (message_id) more.message_id = message_id;
      send(ws, "notification", { subscription, event: {
        broadcaster_user_id: "1", chatter_user_id: "2", chatter_user_name: "somebody",
        message: { text, fragments: [] } } }, more);
    }
  }
}

const each = (act) => (body) => [...sessions.values()].forEach((session) => act(session, body));
const script = {
  chat,
  reconnect: each((session) => {
    const url = `ws://127.0.0.1:${server.address().port}/ws?from=${session.id}`;
    send(session.ws, "session_reconnect", describe(session, { status: "reconnecting", keepalive_timeout_seconds: null, reconnect_url: url }));
    setTimeout(() => session.ws.close(4004, "reconnect grace time expired"), 30000).unref();
  }),
  expire: () => { expired = true; },
  revoke: each(({ ws, subscriptions }) => {
    for (const subscription of subscriptions.splice(0)) {
      send(ws, "revocation", { subscription: { ...subscription, status: "authorization_revoked" } });
    }
  }),
  cut: each(({ ws }) => ws.terminate()),
  close: each(({ ws }, { code }) => ws.close(code)),
};

const server = serve({
  routes: {
    "POST /helix/eventsub/subscriptions": subscribe,
    "POST /helix/chat/messages": say,
    "POST /oauth2/token": refresh,
  },
  script, connect,
});
