// node.js [SIZE]: an echo server on node's ws; with SIZE it broadcasts.
'use strict';

const { WebSocketServer } = require('ws');

const news = process.argv[2] ? Buffer.alloc(Number(process.argv[2]), 'x') : null;
const text = { binary: false };
const server = new WebSocketServer({
  host: '127.0.0.1', port: 0, backlog: 4096, perMessageDeflate: false,
  maxPayload: 0, skipUTF8Validation: true
});

function tell() {
  for (const ws of server.clients) ws.send(news, text);
}

server.on('connection', ws => {
  ws.on('message', (data, isBinary) => {
    if (news) tell();
    else ws.send(data, { binary: isBinary });
  });
  ws.on('error', () => {});
});
server.on('listening', () => {
  console.log(`listening ${server.address().port}`);
});
setTimeout(() => process.exit(1), 300000).unref();
