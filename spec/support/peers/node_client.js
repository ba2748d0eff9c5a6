// A client on node's `ws` that plays a script. Options, steps and events as
// python_client.py.
"use strict";
const fs = require("fs");
const WebSocket = require("ws");
const { options, begin, tell } = require("./peer.js");

const { seconds = 60, tls, path, protocols = [], script = [] } = options;
const arrived = [];
let wake = () => {};
let over = false;

function end(event, fields) {
  tell(event, fields);
  process.exit(0);
}

function address() {
  if (!path) return options.url;
  return `ws+unix:${path}:${new URL(options.url).pathname}`;
}

// permessage-deflate's parameters, as `ws` spells them.
function compress(wanted) {
  if (wanted === null || typeof wanted !== "object") return Boolean(wanted);
  return {
    serverNoContextTakeover: wanted.server_no_context_takeover,
    clientNoContextTakeover: wanted.client_no_context_takeover,
    serverMaxWindowBits: wanted.server_max_window_bits,
    clientMaxWindowBits: wanted.client_max_window_bits,
    threshold: 0,
  };
}

const ws = new WebSocket(address(), protocols, {
  headers: options.headers,
  perMessageDeflate: compress(options.compress),
  maxPayload: 0,
  ca: tls && tls.ca ? fs.readFileSync(tls.ca) : undefined,
  rejectUnauthorized: Boolean(tls && tls.ca),
});

async function receive() {
  while (arrived.length === 0 && !over) await new Promise((done) => (wake = done));
  if (arrived.length === 0) throw new Error("closed");
  const [message, binary] = arrived.shift();
  tell("message", binary ? { hex: message.toString("hex") } : { text: message.toString() });
  return [message, binary];
}

const steps = {
  send: async (text) => ws.send(text),
  sendhex: async (hex) => ws.send(Buffer.from(hex, "hex")),
  async fragments(list) {
    list.forEach((text, i) => ws.send(text, { fin: i === list.length - 1 }));
  },
  receive,
  async echo(n) {
    for (let i = 0; i < n; i++) {
      const [message, binary] = await receive();
      ws.send(message, { binary });
    }
  },
  async ping() {
    const pong = new Promise((done) => ws.once("pong", done));
    ws.ping("hello");
    await pong;
    tell("pong");
  },
  close: async (code, reason) => ws.close(code, reason),
  async closed() {
    while (!over) await new Promise((done) => (wake = done));
  },
  abort: async () => ws.terminate(),
};

async function play() {
  try {
    for (const [word, ...rest] of script) await steps[word](...rest);
  } catch (error) {
    if (!over) return end("failed", { why: String(error) });
  }
  if (!over) ws.close();
}

let head = {};
ws.on("upgrade", (response) => (head = response.headers));
ws.on("open", () => {
  tell("open", { protocol: ws.protocol || null, headers: head });
  play();
});
ws.on("message", (...message) => {
  arrived.push(message);
  wake();
});
ws.on("unexpected-response", (request, { statusCode, headers }) =>
  end("refused", { status: statusCode, headers }));
ws.on("error", (error) => {
  if (ws.readyState === WebSocket.CONNECTING) end("failed", { why: String(error) });
});
ws.on("close", (code, reason) => {
  over = true;
  wake();
  setImmediate(() => end("closed", { code, reason: reason.toString() }));
});

setTimeout(() => end("failed", { why: "timed out" }), seconds * 1000).unref();
begin(0, seconds + 5);
