// What the node peers share: options, events, and an end in time.
"use strict";
const fs = require("fs");

const log = process.argv[2];
const options = JSON.parse(process.argv[3]);
const parent = process.ppid;

// Says that this peer is ready; ends the process after `life` seconds.
function begin(port, life) {
  setInterval(() => process.ppid === parent || process.exit(3), 200).unref();
  setTimeout(() => process.exit(3), life * 1000).unref();
  fs.writeSync(1, `port ${port} pid ${process.pid}\n`);
}

// Writes one event to the log, then wakes the reader of the pipe.
function tell(event, fields) {
  fs.appendFileSync(log, JSON.stringify({ event, ...fields }) + "\n");
  fs.writeSync(1, ".\n");
}

module.exports = { options: Array.isArray(options) ? {} : options, begin, tell };
