// node.js URL SIZE INFLIGHT WARM SECONDS [CA]: the client of node's ws.
'use strict';

const fs = require('fs');
const WebSocket = require('ws');

const [url, size, inflight, warm, seconds, ca] = process.argv.slice(2);
const chat = {
  action: 2, id: '7c9e6679-7425-40de-944b-e07fc1f90ae7', type: 0,
  senderId: '100042', receiverId: '200077', time: 1700000000123,
  content: 'Good morning doctor. May I ask about the dose of last week?'
};
const isJson = size === 'json';
const payload = isJson ? null : Buffer.alloc(Number(size), 'x');
const stride = Math.max(1, Math.min(1024, Number(inflight)));
const text = { binary: false };

const ws = new WebSocket(url, {
  perMessageDeflate: process.env.BENCH_COMPRESS ? { threshold: 0 } : false,
  maxPayload: 0, skipUTF8Validation: true,
  ca: ca ? fs.readFileSync(ca) : undefined
});

const moment = () => {
  const { user, system } = process.cpuUsage();
  return { wall: performance.now() / 1e3, user: user / 1e6,
           system: system / 1e6 };
};

let count = 0, strides = 0, from = null, due = Infinity;

function report(to) {
  console.log(JSON.stringify({
    messages: strides * stride, seconds: to.wall - from.wall,
    user: to.user - from.user, system: to.system - from.system
  }));
  process.exit(0);
}

function lookAtClock() {
  strides++;
  if (performance.now() / 1e3 < due) return;
  if (from) report(moment());
  from = moment();
  strides = 0;
  due = from.wall + Number(seconds);
}

function send() {
  if (isJson) ws.send(JSON.stringify(chat));
  else ws.send(payload, text);
}

ws.on('open', () => {
  ws._socket.setNoDelay(true);
  due = performance.now() / 1e3 + Number(warm);
  for (let i = 0; i < Number(inflight); i++) send();
});
ws.on('message', data => {
  if (isJson && JSON.parse(data).action !== 2) process.exit(1);
  send();
  if (++count % stride === 0) lookAtClock();
});
ws.on('error', error => { console.error(error.message); process.exit(1); });
setTimeout(() => process.exit(1), 60000).unref();
