// A server of Socket.IO 4. Options: port, token (that `auth` must have), ping (ms
// between its pings), recovery (ms for which a session may be resumed). It answers the
// event `say` (text) with `ok`, and sends `said` (text) to everybody else; `fail` it
// answers with nothing. Events: connected { recovered }, said { text }.
"use strict";
const http = require("http");
const { Server } = require("socket.io");
const { options, begin, tell } = require("./peer.js");

const server = http.createServer();
const io = new Server(server, {
  transports: ["websocket"],
  pingInterval: options.ping || 25000,
  pingTimeout: options.ping || 20000,
  connectionStateRecovery: { maxDisconnectionDuration: options.recovery || 120000 },
});

io.use((socket, next) => {
  const known = socket.handshake.auth.token === options.token;
  next(known ? undefined : new Error("no such token"));
});

io.on("connection", (socket) => {
  tell("connected", { recovered: socket.recovered });
  socket.on("say", (text, answer) => {
    tell("said", { text });
    socket.broadcast.emit("said", text);
    answer("ok");
  });
});

server.listen(options.port || 0, "127.0.0.1", () => begin(server.address().port, 600));
