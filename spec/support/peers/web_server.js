// An HTTP server of node's http, https or http2, on 127.0.0.1. Options: tls { cert, key, ca }
// (files; with ca it asks for a certificate of a client), h2 (with tls: HTTP/2, and HTTP/1.1
// for who asks for that).
//
// Paths: see below. Events: request { method, path, port }, gone { path }: its connection
// ended before the response; connection { port }, disconnected { port }.
"use strict";
const fs = require("fs");
const http = require("http");
const http2 = require("http2");
const https = require("https");
const zlib = require("zlib");
const { options, begin, tell } = require("./peer.js");

const MIB = 1 << 20;

function json(res, value, headers) {
  const text = JSON.stringify(value);
  res.writeHead(200, { "Content-Type": "application/json", ...headers });
  res.end(text);
}

function nothing() {}

function certificate_of(req) {
  const peer = req.socket.getPeerCertificate && req.socket.getPeerCertificate();
  return peer && peer.subject ? peer.subject.CN : undefined;
}

const paths = {
  // what was asked
  echo(req, res, rest, body) {
    json(res, {
      method: req.method, path: req.url, headers: req.headers, raw: req.rawHeaders,
      body: body.toString("latin1"), port: req.socket.remotePort, version: req.httpVersion,
      certificate: certificate_of(req),
    });
  },
  status: (req, res, [status, reason]) => {
    if (reason) res.writeHead(Number(status), decodeURIComponent(reason));
    else res.writeHead(Number(status));
    res.end();
  },
  // n redirects to /echo, and what a loop is
  redirect(req, res, [n, status]) {
    const to = Number(n) > 1 ? `/redirect/${n - 1}/${status || 302}` : "/echo";
    res.writeHead(Number(status || 302), { Location: to });
    res.end("moved");
  },
  loop(req, res) {
    res.writeHead(302, { Location: "/loop" });
    res.end();
  },
  to(req, res, [status, where]) {
    res.writeHead(Number(status), { Location: decodeURIComponent(where) });
    res.end();
  },
  bytes(req, res, [n]) {
    res.writeHead(200, { "Content-Length": Number(n) });
    res.end(Buffer.alloc(Number(n), "x"));
  },
  // n chunks of so many bytes, each written by itself
  chunks(req, res, [n, size]) {
    const chunk = Buffer.alloc(Number(size), "c");
    let left = Number(n);
    (function more() {
      while (left-- > 0) if (!res.write(chunk)) return res.once("drain", more);
      res.end();
    })();
  },
  encoded(req, res, [name]) {
    const encode = { gzip: zlib.gzipSync, deflate: zlib.deflateSync,
      br: zlib.brotliCompressSync }[name];
    res.writeHead(200, { "Content-Encoding": name });
    res.end(encode(JSON.stringify({ accepted: req.headers["accept-encoding"] })));
  },
  bomb(req, res, [mib]) {
    res.writeHead(200, { "Content-Encoding": "gzip" });
    res.end(zlib.gzipSync(Buffer.alloc(Number(mib) * MIB)));
  },
  nonsense(req, res) {
    res.writeHead(200, { "Content-Encoding": "gzip" });
    res.end("this is no gzip");
  },
  silent: nothing,
  stall(req, res) {
    res.writeHead(200, { "Content-Length": 100 });
    res.write("half of it");
  },
  cut(req, res) {
    res.writeHead(200, { "Content-Length": 100 });
    res.write("half of it", () => res.socket.destroy());
  },
  reset: (req) => req.socket.destroy(),
  // these bytes, and an end
  raw: (req, res, [text]) => req.socket.end(Buffer.from(decodeURIComponent(text), "latin1")),
  headers(req, res) {
    res.writeHead(200, { "X-Twice": ["a", "b"], "Set-Cookie": ["a=1; Path=/", "b=2"],
      "X-EMPTY": "", "X-Latin": "caf\u00e9" });
    res.end();
  },
  head_of(req, res, [n]) {
    for (let i = 0; i < Number(n) / 1000; i++) res.setHeader(`X-${i}`, "h".repeat(990));
    res.end();
  },
  early(req, res) {
    req.socket.write("HTTP/1.1 103 Early Hints\r\nX-Hint: early\r\n\r\n");
    json(res, { hinted: true });
  },
  // a header with so many bytes; n times a 100; n bytes of fields after the body
  line(req, res, [n]) {
    res.setHeader("X-Long", "h".repeat(Number(n)));
    res.end();
  },
  continues(req, res, [n]) {
    req.socket.write("HTTP/1.1 100 Continue\r\n\r\n".repeat(Number(n)), () => res.end());
  },
  trailers(req, res, [n]) {
    res.writeHead(200, { Trailer: "X-After" });
    res.write("body");
    const fields = [...Array(n / 1000).keys()].map((i) => [`X-${i}`, "t".repeat(990)]);
    res.addTrailers(fields);
    res.end();
  },
  // one response on each connection, then it is reset by the next request
  renew(req, res) {
    const { socket } = req;
    if (socket.was_used) return socket.resetAndDestroy();
    socket.was_used = true;
    json(res, { port: socket.remotePort });
  },
  trailer(req, res) {
    res.writeHead(200, { Trailer: "X-After" });
    res.write("body");
    res.addTrailers({ "X-After": "it" });
    res.end();
  },
  text(req, res, [text]) {
    res.end(decodeURIComponent(text));
  },
  slow(req, res, [ms]) {
    setTimeout(() => json(res, { port: req.socket.remotePort }), Number(ms));
  },
  // closes the connection after the response, as the response does not say
  last(req, res) {
    const { remotePort: port, ...socket } = req.socket;
    res.on("finish", () => req.socket.destroySoon ? req.socket.destroySoon() : socket.end());
    json(res, { port });
  },
};

// Answers a request whose body it does not read, once its sender is stuck with it, and closes
// the connection: with what is unread that is a reset.
function refuse(req) {
  req.pause();
  req.socket.pause();
  setTimeout(() => req.socket.write(
    "HTTP/1.1 413 Too Large\r\nContent-Length: 7\r\n\r\ntoo big",
    () => req.socket.destroy()), 20);
}

function handle(req, res) {
  const [name, ...rest] = req.url.split("?")[0].slice(1).split("/");
  const chunks = [];
  if (name === "refuse") return refuse(req);
  tell("request", { method: req.method, path: req.url, port: req.socket.remotePort });
  res.on("close", () => res.writableFinished || tell("gone", { path: req.url }));
  req.on("error", nothing);
  res.on("error", nothing);
  req.on("data", (chunk) => chunks.push(chunk));
  req.on("end", () => (paths[name] || paths.echo)(req, res, rest, Buffer.concat(chunks)));
}

function read_tls({ cert, key, ca }) {
  const read = (path) => fs.readFileSync(path);
  return { cert: read(cert), key: read(key), ca: ca && read(ca), requestCert: Boolean(ca),
    rejectUnauthorized: Boolean(ca) };
}

function create() {
  if (!options.tls) return http.createServer(handle);
  const tls = read_tls(options.tls);
  return options.h2 ? http2.createSecureServer({ ...tls, allowHTTP1: true }, handle)
    : https.createServer(tls, handle);
}

const server = create();
server.on(options.tls ? "secureConnection" : "connection", (socket) => {
  const port = socket.remotePort;
  tell("connection", { port });
  socket.on("error", nothing);
  socket.on("close", () => tell("disconnected", { port }));
});
server.keepAliveTimeout = 600000;
server.listen(0, "127.0.0.1", () => begin(server.address().port, 600));
