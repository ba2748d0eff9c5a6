// run.js MS [answer] [MS:EVENT ...]: the class of wsManager.ts, its types stripped, on a
// clock of its own. The events (open, message, close, error) come from a server
// that does as the script says; it may answer each message with one. Prints what the class did, a line each:
// "2000 connect", "30007 send {...}".
"use strict";
const fs = require("fs");
const path = require("path");

function stripTypes(text) {
  const enums = /enum (\w+) \{([^}]*)\}/g;
  const values = (_, name, body) => {
    let next = 0;
    const list = body.replace(/\/\/.*/g, "").split(",").filter((s) => s.trim()).map((one) => {
      const [key, value] = one.split("=").map((s) => s.trim());
      next = value === undefined ? next : Number(value);
      return `${key}: ${next++}`;
    });
    return `const ${name} = { ${list.join(", ")} };`;
  };
  return text
    .replace(enums, values)
    .replace(/interface \w+ \{[^}]*\}/g, "")
    .replace(/^\s*websock!: WebSocket;$/m, "")
    .replace(/\((\w+)\??: \w+\)/g, "($1)");
}

// --- a clock ---

let now = 0;
let count = 0;
const timers = new Map();

function setTimer(call, ms) {
  timers.set(++count, { at: now + ms, call });
  return count;
}

function nextTimer() {
  let first = null;
  for (const [id, timer] of timers) {
    if (!first || timer.at < first.at) first = { id, at: timer.at, call: timer.call };
  }
  return first;
}

function passUntil(end) {
  for (let timer = nextTimer(); timer && timer.at <= end; timer = nextTimer()) {
    timers.delete(timer.id);
    now = timer.at;
    timer.call();
  }
  now = end;
}

// --- a page ---

function note(what) {
  console.log(`${now} ${what}`);
}

let socket = null;
const answers = process.argv[3] === "answer";

class WebSocket {
  constructor(url) {
    this.url = url;
    this.readyState = 0;
    socket = this;
    note("connect");
  }
  send(data) {
    note(`send ${data}`);
    if (answers) setTimer(() => this.onmessage({ data: "hi" }), 0);
  }
  close() { note("close"); }
}

const window = { location: { host: "h", protocol: "http:" }, setTimeout: setTimer };
const sessionStorage = { getItem: (name) => ({ uid: "42", token: "t" })[name] };
const source = stripTypes(fs.readFileSync(path.join(__dirname, "wsManager.ts"), "utf8"));
const make = new Function(
  "window", "sessionStorage", "WebSocket", "setTimeout", "clearTimeout",
  `"use strict"; ${source}\nreturn wsManager;`);
const Manager = make(window, sessionStorage, WebSocket, setTimer, (id) => timers.delete(id));

const events = {
  open() { socket.readyState = 1; socket.onopen({}); },
  message() { socket.onmessage({ data: "hi" }); },
  close() { socket.readyState = 3; socket.onclose({}); },
  error() { socket.readyState = 3; socket.onerror({}); },
};

new Manager();
for (const one of process.argv.slice(answers ? 4 : 3)) {
  const [at, name] = one.split(":");
  passUntil(Number(at));
  events[name]();
}
passUntil(Number(process.argv[2]));
