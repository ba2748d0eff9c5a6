// A server on node's `ws`. Options, paths and events as python_server.py.
"use strict";
const fs = require("fs");
const http = require("http");
const https = require("https");
const { WebSocketServer } = require("ws");
const { options, begin, tell } = require("./peer.js");

// Lines of 20 characters and 26 bytes each, as many as fit.
function large(bytes) {
  const line = Buffer.from("0123456789 é € 𝄞 \n\n\n");
  const data = Buffer.alloc(bytes - bytes % line.length);
  return data.fill(line);
}

const modes = {
  chunks(ws, message, binary) {
    for (let at = 0; at < message.length; at += 3) {
      const fin = at + 3 >= message.length;
      ws.send(message.subarray(at, at + 3), { binary, fin });
    }
  },
  silent() {},
  command(ws, message, binary) {
    const [word, code, ...reason] = message.toString().split(" ");
    if (word === "close") ws.close(Number(code), reason.join(" "));
    else if (word === "ping") ws.once("pong", () => ws.send("pong")).ping("hello");
    else if (word === "abort") ws.terminate();
    else ws.send(message, { binary });
  },
  echo(ws, message, binary) {
    ws.send(message, { binary });
  },
};

const greetings = {
  close: (ws, [code, reason]) => ws.close(Number(code), decodeURIComponent(reason || "")),
  count(ws, [n]) {
    for (let i = 1; i <= Number(n); i++) ws.send(String(i));
  },
  large(ws, [kind, bytes, most]) {
    const data = large(Number(bytes));
    const size = Number(most) || data.length;
    for (let at = 0; at < data.length; at += size) {
      const fin = at + size >= data.length;
      ws.send(data.subarray(at, at + size), { binary: kind === "binary", fin });
    }
  },
  renegotiate(ws) {
    ws._socket.renegotiate({}, (why) => ws.send(why ? "refused" : "renegotiated"));
  },
  request(ws, rest, request) {
    const { url: path, headers } = request;
    ws.send(JSON.stringify({ path, headers, protocol: ws.protocol || null }));
  },
};

function handle(ws, request) {
  const [mode, ...rest] = request.url.split("?")[0].slice(1).split("/");
  const answer = modes[mode] || modes.echo;
  let messages = 0;
  tell("open", { path: request.url });
  ws.on("error", () => {});
  ws.on("message", (message, binary) => {
    messages++;
    answer(ws, message, binary);
  });
  ws.on("close", (code, reason) =>
    tell("closed", { path: request.url, code, reason: reason.toString(), messages }));
  if (greetings[mode]) greetings[mode](ws, rest, request);
}

function verify({ req }, done) {
  const [, mode, status] = req.url.split("/");
  const more = status === "503" ? { "Retry-After": "7" } : {};
  if (mode === "status") done(false, Number(status), "refused\n", more);
  else done(true);
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

const { tls, host = "127.0.0.1", port = 0, path, protocols = [] } = options;
const server = tls
  ? https.createServer({
      cert: fs.readFileSync(tls.cert),
      key: fs.readFileSync(tls.key),
      maxVersion: tls.max,
    })
  : http.createServer();

new WebSocketServer({
  server,
  verifyClient: verify,
  perMessageDeflate: compress(options.compress),
  maxPayload: 0,
  handleProtocols: (asked) => [...asked].find((name) => protocols.includes(name)) || false,
}).on("connection", handle);

server.listen(path ? { path } : { host, port }, () =>
  begin(path ? 0 : server.address().port, 600));
