// A server of Socket.IO 4. Options: port, token (that `auth` must have), ping (ms
// between its pings). It answers the event `say` (text) with `ok`, and sends `said`
// (text) to everybody else; after the text "everybody out" it ends all sessions.
// Events: connected { recovered }, pong {}.
"use strict";
const http = require("http");
const { Server } = require("socket.io");
const { options, begin, tell } = require("./peer.js");

const server = http.createServer();
const io = new Server(server, {
  transports: ["websocket"],
  pingInterval: options.ping || 25000,
  connectionStateRecovery: {},
});

io.use((socket, next) => {
  const known = socket.handshake.auth.token === options.token;
  next(known ? undefined : new Error("no such token"));
});

io.on("connection", (socket) => {
  tell("connected", { recovered: socket.recovered });
  socket.conn.on("packet", ({ type }) => type === "pong" && tell("pong", {}));
  socket.on("say", (text, answer) => {
    socket.broadcast.emit("said", text);
    answer("ok");
    if (text === "everybody out") socket.broadcast.disconnectSockets();
  });
});

server.listen(options.port || 0, "127.0.0.1", () => begin(server.address().port, 600));
