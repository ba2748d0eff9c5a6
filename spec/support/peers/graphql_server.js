// A server of graphql-transport-ws. Options: port, token (that connection_init must
// have). It has the query `last`, the mutation `say (text)` and the subscription `said`.
// Events: subscribed {}, pinged {}.
"use strict";
const http = require("http");
const { buildSchema } = require("graphql");
const { useServer } = require("graphql-ws/lib/use/ws");
const { WebSocketServer } = require("ws");
const { options, begin, tell } = require("./peer.js");

const schema = buildSchema(`
  type Query { last: String }
  type Mutation { say(text: String!): Int! }
  type Subscription { said: String! }
`);

const texts = [];
let wake = [];

// What is said from now on.
async function* said() {
  tell("subscribed", {});
  for (let next = texts.length; ; ) {
    while (next < texts.length) yield { said: texts[next++] };
    await new Promise((resolve) => wake.push(resolve));
  }
}

const roots = {
  query: { last: () => texts[texts.length - 1] || null },
  mutation: {
    say({ text }) {
      if (text === "") throw new Error("nothing to say");
      texts.push(text);
      wake.forEach((resolve) => resolve());
      wake = [];
      return texts.length;
    },
  },
  subscription: { said },
};

const server = http.createServer();
useServer(
  {
    schema,
    roots,
    onConnect: ({ connectionParams }) => connectionParams?.token === options.token,
  },
  new WebSocketServer({ server, path: "/graphql" }).on("connection", (ws) =>
    ws.on("message", (text) => JSON.parse(text).type === "ping" && tell("pinged", {}))),
);

server.listen(options.port || 0, "127.0.0.1", () => begin(server.address().port, 600));
