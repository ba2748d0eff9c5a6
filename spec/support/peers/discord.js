// Discord's gateway and REST, as its documentation has them ("Gateway", "Gateway
// Connections", "Opcodes and Status Codes", "Rate Limits").
//
// Options: token; interval of HELLO in ms (41250); remaining: REST calls until the next
// bucket, of 50 ms (5); too_many: so many answers are 429 first (0).
// Script: say { content } from a user; op { op, d }; close { code }; cut; forget (the
// sessions); deaf (heartbeats are not answered any more); early { op }: what the next
// connection gets in place of HELLO; lost: nobody is where sessions are resumed.
//
// Events: identify { intents }, resume { seq }, heartbeat { d }, message { channel, content },
// sent { op, t }; of service.js: request, open, closed.
"use strict";
const zlib = require("zlib");
const { options, tell } = require("./peer.js");
const { serve } = require("./service.js");

const { token = "secret", interval = 41250, remaining = 5 } = options;
let tooMany = options.too_many || 0;
let left = remaining, resets = 0, count = 0, deaf = false, lost = false, early = null;
const sessions = new Map(); // id -> { id, seq, log }
const online = new Set();

// --- REST ---

const authorized = (request) => request.headers.authorization === `Bot ${token}`;
const UNAUTHORIZED = [401, {}, { message: "401: Unauthorized", code: 0 }];

function limits() {
  return {
    "X-RateLimit-Limit": remaining,
    "X-RateLimit-Remaining": left,
    "X-RateLimit-Reset-After": Math.max(0, resets - Date.now()) / 1000,
  };
}

function refuse(after) {
  return [429, { ...limits(), "Retry-After": Math.ceil(after) },
    { message: "You are being rate limited.", retry_after: after, global: false }];
}

function create(request) {
  if (!authorized(request)) return UNAUTHORIZED;
  if (tooMany-- > 0) return refuse(0.05);
  if (Date.now() >= resets) [left, resets] = [remaining, Date.now() + 50];
  if (left === 0) {
    tell("over_the_rate");
    return refuse((resets - Date.now()) / 1000);
  }
  left -= 1;
  const channel = request.path.split("/")[4];
  tell("message", { channel, content: request.body.content });
  return [200, limits(), { id: String(++count) }];
}

const routes = {
  "GET /api/v10/gateway/bot": (request) => authorized(request)
    ? [200, {}, { url: url("gateway"), shards: 1, session_start_limit: { total: 1000, remaining: 999, reset_after: 0, max_concurrency: 1 } }]
    : UNAUTHORIZED,
  "POST /api/v10/channels/": create,
};

// --- the gateway ---

class Connection {
  constructor(ws, compressed) {
    this.ws = ws;
    this.tail = Promise.resolve();
    this.deflate = compressed ? zlib.createDeflate() : null;
    this.times = [];
  }

  // In order; compressed, a flush a message.
  send(payload) {
    tell("sent", { op: payload.op, t: payload.t || null });
    const text = JSON.stringify({ s: null, t: null, d: null, ...payload });
    if (!this.deflate) return this.ws.send(text);
    this.tail = this.tail.then(() => new Promise((done) => {
      const pieces = [];
      const take = (piece) => pieces.push(piece);
      this.deflate.on("data", take);
      this.deflate.write(text);
      this.deflate.flush(zlib.constants.Z_SYNC_FLUSH, () => {
        this.deflate.off("data", take);
        this.ws.send(Buffer.concat(pieces));
        done();
      });
    }));
    return this.tail;
  }

  end(code) {
    this.tail.then(() => this.ws.close(code));
  }

  dispatch(t, d) {
    const s = ++this.session.seq;
    this.session.log.push({ op: 0, t, d, s });
    this.send({ op: 0, t, d, s });
  }

  identify({ d }) {
    tell("identify", { intents: d.intents });
    if (d.token !== token) return this.end(4004);
    if (this.session) return this.end(4005);
    if (!Number.isInteger(d.intents)) return this.end(4013);
    if (!d.properties || !d.properties.os) return this.end(4002);
    this.session = { id: `session${sessions.size + 1}-${Date.now()}`, seq: 0, log: [] };
    sessions.set(this.session.id, this.session);
    this.dispatch("READY", { v: 10, user: { id: "1", username: "ping" }, guilds: [],
      session_id: this.session.id, resume_gateway_url: url("resume") });
  }

  resume({ d }) {
    tell("resume", { seq: d.seq });
    const known = sessions.get(d.session_id);
    if (d.token !== token) return this.end(4004);
    if (!known) return this.send({ op: 9, d: false });
    if (d.seq > known.seq) return this.end(4007);
    this.session = known;
    for (const missed of known.log) if (missed.s > d.seq) this.send(missed);
    this.dispatch("RESUMED", {});
  }

  heartbeat({ d }) {
    tell("heartbeat", { d });
    if (!deaf) this.send({ op: 11 });
  }

  // 120 events in 60 seconds, of 4096 bytes each.
  receive(data) {
    const now = Date.now();
    this.times = this.times.filter((time) => now - time < 60000).concat(now);
    if (this.times.length > 120) return this.end(4008);
    if (data.length > 4096) return this.end(4002);
    let payload;
    try {
      payload = JSON.parse(data);
    } catch {
      return this.end(4002);
    }
    const known = { 1: this.heartbeat, 2: this.identify, 6: this.resume }[payload.op];
    if (!known) return this.end(this.session ? 4001 : 4003);
    known.call(this, payload);
  }
}

function connect(ws, address) {
  const query = address.searchParams;
  if (lost && address.pathname === "/resume/") return ws.terminate();
  if (query.get("v") !== "10") return ws.close(4012);
  if (query.get("encoding") !== "json") return ws.close(4002);
  const connection = new Connection(ws, query.get("compress") === "zlib-stream");
  online.add(connection);
  ws.on("close", () => online.delete(connection));
  ws.on("message", (data) => connection.receive(data));
  if (early) {
    connection.send({ op: early });
    early = null;
    return;
  }
  connection.send({ op: 10, d: { heartbeat_interval: interval } });
}

// To all sessions: those without a connection find it when they resume.
function say({ content }) {
  for (const session of sessions.values()) {
    const connection = [...online].find((one) => one.session === session);
    const message = { id: "7", channel_id: "42", content, author: { id: "2", username: "somebody" } };
    if (connection) connection.dispatch("MESSAGE_CREATE", message);
    else session.log.push({ op: 0, t: "MESSAGE_CREATE", d: message, s: ++session.seq });
  }
}

const each = (act) => (body) => online.forEach((one) => act(one, body));
const script = {
  say,
  op: each((one, { op, d = null }) => one.send({ op, d })),
  close: each((one, { code }) => one.end(code)),
  cut: each((one) => one.ws.terminate()),
  forget: () => sessions.clear(),
  deaf: () => { deaf = true; },
  early: ({ op }) => { early = op; },
  lost: () => { lost = true; },
};

const server = serve({ routes, script, connect });
function url(path) {
  return `ws://127.0.0.1:${server.address().port}/${path}`;
}
