// What the scripted services share: HTTP with JSON beside a WebSocket server, on one
// port. `routes` has a function for each "METHOD /path" (a path that ends in / takes
// what is below it): it gets { path, query, headers, body, rest } and returns
// [status, headers, body]. POST /script calls what `script` has for the body's `do`.
"use strict";
const http = require("http");
const { WebSocketServer } = require("ws");
const { begin, tell } = require("./peer.js");

const parsers = {
  "application/json": JSON.parse,
  "application/x-www-form-urlencoded": (text) => Object.fromEntries(new URLSearchParams(text)),
};

function find(routes, method, path) {
  const exact = routes[`${method} ${path}`];
  if (exact) return exact;
  const below = Object.keys(routes).find((name) => name.endsWith("/") && `${method} ${path}`.startsWith(name));
  return routes[below];
}

async function read(request) {
  let text = "";
  for await (const piece of request) text += piece;
  const parse = parsers[(request.headers["content-type"] || "").split(";")[0]];
  return parse && text ? parse(text) : text;
}

// Calls connect(ws, URL, request) for each WebSocket.
function serve({ routes, script, connect }) {
  const server = http.createServer(async (request, response) => {
    const url = new URL(request.url, "http://x");
    const body = await read(request);
    if (request.method === "POST" && url.pathname === "/script") {
      script[body.do](body);
      response.writeHead(204).end();
      return;
    }
    const route = find(routes, request.method, url.pathname);
    tell("request", { method: request.method, path: url.pathname, body });
    const [status, headers, answer] = route
      ? route({ path: url.pathname, query: url.searchParams, headers: request.headers, body })
      : [404, {}, { message: "404: Not Found" }];
    response.writeHead(status, { "Content-Type": "application/json", ...headers });
    response.end(JSON.stringify(answer));
  });
  new WebSocketServer({ server, perMessageDeflate: false }).on("connection", (ws, request) => {
    tell("open", { path: request.url });
    ws.on("error", () => {});
    ws.on("close", (code) => tell("closed", { path: request.url, code }));
    connect(ws, new URL(request.url, "http://x"), request);
  });
  server.listen(0, "127.0.0.1", () => begin(server.address().port, 600));
  return server;
}

module.exports = { serve };
