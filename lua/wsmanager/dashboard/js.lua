-- The script of the dashboard's page: asks once a second, draws, and writes every text of
-- others as text.

return [=[
"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const state = {
    since: 0, series: {}, view: "server", order: "age", ascending: false, skip: 0, take: 25,
    word: "", open: null, details: [], asking: 0, paused: false, token: null, look: null,
    timer: 0, sure: null,
  };

  // An element: make("td", { class: "text" }, "text", other, ...). Text is only ever text.
  function make(name, attributes, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (typeof value === "function") element.addEventListener(key, value);
      else if (value !== false && value != null) element.setAttribute(key, value);
    }
    element.append(...children.filter((child) => child != null));
    return element;
  }

  // Only what has changed is changed: a click, the focus, a selection and a screen
  // reader's place outlive the next answer.
  function setText(element, text) { if (element.textContent !== text) element.textContent = text; }
  function place(parent, wanted) {
    wanted.forEach((element, i) => {
      if (parent.children[i] !== element) parent.insertBefore(element, parent.children[i] || null);
    });
    while (parent.children.length > wanted.length) parent.lastElementChild.remove();
  }
  const drawn = new Map();
  function changed(name, value) {
    const key = JSON.stringify(value);
    if (drawn.get(name) === key) return false;
    drawn.set(name, key);
    return true;
  }

  // ---- numbers ----

  function short(n) {
    if (!isFinite(n)) return "– ";
    const signs = [" ", " k", " M", " G", " T"];
    let at = 0;
    while (Math.abs(n) >= 1000 && at < signs.length - 1) { n /= 1000; at++; }
    const digits = n < 10 ? 2 : n < 100 ? 1 : 0;
    return (at > 0 || n % 1 !== 0 ? n.toFixed(digits) : String(n)) + signs[at];
  }
  const plain = (n) => short(n).trim();
  const bytes = (n) => short(n) + "B";
  const rate = (n) => plain(n) + "/s";
  const byteRate = (n) => short(n) + "B/s";
  function seconds(s) {
    if (s < 0) return "–";
    if (s < 0.001) return "< 1 ms";
    if (s < 1) return (s * 1000).toFixed(s < 0.01 ? 1 : 0) + " ms";
    if (s < 60) return s.toFixed(s < 10 ? 1 : 0) + " s";
    if (s < 3600) return Math.floor(s / 60) + " min " + Math.floor(s % 60) + " s";
    if (s < 86400) return Math.floor(s / 3600) + " h " + Math.floor(s % 3600 / 60) + " min";
    return Math.floor(s / 86400) + " d " + Math.floor(s % 86400 / 3600) + " h";
  }
  const clock = (at) => new Date(at * 1000).toLocaleTimeString();

  // ---- figures ----

  const last = (name) => {
    const list = state.series[name] || [];
    return list.length ? list[list.length - 1] : NaN;
  };

  const tiles = new Map();

  function showFigures(look) {
    const server = look.server, client = look.client;
    if (!server) return;
    const both = (name) => server[name] + client[name];
    const list = [
      ["connections", plain(server.open), plain(server.opens) + " so far"],
      ["clients", plain(client.open), plain(client.opens) + " so far"],
      ["messages in", rate(last("messages_in")), plain(both("messages_in"))],
      ["messages out", rate(last("messages_out")), plain(both("messages_out"))],
      ["read", byteRate(last("bytes_in")), bytes(both("bytes_in"))],
      ["written", byteRate(last("bytes_out")), bytes(both("bytes_out"))],
      ["latency, p50", seconds(last("p50")), "of a minute's pings"],
      ["latency, p99", seconds(last("p99")), "of a minute's pings"],
      ["waits to be written", bytes(both("buffered")), plain(both("outbox")) + " in outboxes"],
      ["full outboxes", plain(both("full")), "now", both("full") > 0],
      ["full inboxes", plain(both("paused")), plain(both("pauses")) + " pauses",
        both("paused") > 0],
      ["reconnects", plain(both("reconnects")), plain(both("timeouts")) + " dead peers"],
      ["dropped", plain(both("dropped")), "messages", both("dropped") > 0],
    ];
    if (look.chat) {
      list.push(["rooms", plain(look.chat.rooms), plain(look.chat.users) + " users there"]);
      list.push(["subscriptions", plain(look.chat.subscriptions), "rooms of connections"]);
    }
    place(byId("figures"), list.map(([name, value, more, bad]) => {
      if (!tiles.has(name)) {
        tiles.set(name, make("div", null, make("dt", null, name),
          make("dd", null, make("span"), " ", make("small"))));
      }
      const tile = tiles.get(name);
      setText(tile.querySelector("span"), value);
      setText(tile.querySelector("small"), more);
      tile.classList.toggle("bad", !!bad);
      return tile;
    }));
  }

  const codes = {
    normal: "normal (1000)", going_away: "going away (1001)", protocol: "protocol (1002 …)",
    policy: "policy (1008)", too_big: "too big (1009)", error: "error (1011 …)",
    no_status: "no code", abnormal: "abnormal (no close frame)",
    application: "application (3000 …)",
  };

  function showEnds(look) {
    if (!changed("ends", [look.closed, look.failed])) return;
    const none = (columns) => make("tr", null, make("td", { colspan: columns }, "none"));
    const line = (first, ...numbers) => make("tr", null, make("td", null, first),
      ...numbers.map((n) => make("td", { class: "number" }, plain(n))));
    const closed = (look.closed || []).map(([code, own, peer]) =>
      line(codes[code] || code, own, peer));
    const failed = (look.failed || []).map(([why, count]) => line(why, count));
    byId("closed").replaceChildren(...(closed.length ? closed : [none(3)]));
    byId("failed").replaceChildren(...(failed.length ? failed : [none(2)]));
  }

  // ---- charts ----

  const WIDTH = 600, HEIGHT = 80, SPAN = 600;
  const charts = [
    ["Connections", plain, ["servers", "servers'"], ["clients", "clients"]],
    ["Messages", rate, ["messages_in", "in"], ["messages_out", "out"]],
    ["Bytes", byteRate, ["bytes_in", "read"], ["bytes_out", "written"]],
    ["Latency of pings", seconds, ["p50", "p50"], ["p99", "p99"]],
    ["Waits to be written", bytes, ["buffered", "bytes"]],
    ["Full outboxes", plain, ["full", "now"]],
    ["Ended, and back", rate, ["ended", "ended"], ["reconnects", "reconnects"]],
  ].map(([title, unit, ...lines]) => ({ title, unit, lines }));

  function svg(name, attributes) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  }

  function prepareCharts() {
    for (const chart of charts) {
      const graph = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none",
        "aria-hidden": "true" });
      graph.append(svg("path", { class: "axis", d: `M0 ${HEIGHT}H${WIDTH}M0 0H${WIDTH}` }));
      chart.paths = chart.lines.map((_, i) => svg("path", { class: i ? "two" : "one", d: "" }));
      graph.append(...chart.paths);
      chart.values = chart.lines.map(([, name], i) =>
        make("span", { class: i ? "two" : "one" }, name));
      chart.top = make("span", null, "");
      byId("charts").append(make("figure", null,
        make("figcaption", null, make("b", null, chart.title), ...chart.values), graph,
        make("div", { class: "times" }, make("span", null, "10 min ago"), chart.top,
          make("span", null, "now"))));
    }
  }

  function drawLine(values, at, end, top) {
    let d = "", pen = false;
    for (let i = 0; i < values.length; i++) {
      const x = WIDTH - (end - at[i]) / SPAN * WIDTH;
      if (values[i] < 0 || x < 0) { pen = false; continue; }
      const y = HEIGHT - values[i] / top * (HEIGHT - 2);
      d += (pen ? "L" : "M") + x.toFixed(1) + " " + y.toFixed(1);
      pen = true;
    }
    return d;
  }

  function drawCharts() {
    const at = state.series.at || [];
    const end = at.length ? at[at.length - 1] : 0;
    for (const chart of charts) {
      const lists = chart.lines.map(([name]) => state.series[name] || []);
      let top = 0;
      for (const list of lists) for (const value of list) if (value > top) top = value;
      chart.top.textContent = "at most " + chart.unit(top);
      lists.forEach((list, i) => {
        chart.paths[i].setAttribute("d", drawLine(list, at, end, top || 1));
        const value = list.length ? list[list.length - 1] : NaN;
        chart.values[i].textContent = chart.lines[i][1] + " " + chart.unit(value);
      });
    }
  }

  function keepHistory(history) {
    if (state.run !== history.run && state.since !== 0) {
      Object.assign(state, { run: history.run, since: 0, series: {} });
      return;    // the program was started anew: the next answer has all of it
    }
    const behind = state.since !== 0 && history.last >= state.since;
    history.names.forEach((name, i) => {
      const list = behind ? state.series[name].concat(history.values[i]) : history.values[i];
      state.series[name] = list.slice(-history.length);
    });
    Object.assign(state, { since: history.last, run: history.run });
  }

  // ---- the table ----

  const text = (name) => (row) => row[name] === undefined ? "" : String(row[name]);
  const columns = {
    connection: [
      ["#", null, null], ["address", null, (row) => row.address || "–"],
      ["label", null, text("label")],
      ["agent", null, text("agent")], ["age", "age", (row) => seconds(row.age)],
      ["in", "messages_in", (row) => plain(row.messages_in)],
      ["out", "messages_out", (row) => plain(row.messages_out)],
      ["read", "bytes_in", (row) => bytes(row.bytes_in)],
      ["written", "bytes_out", (row) => bytes(row.bytes_out)],
      ["buffered", "buffered", (row) => bytes(row.buffered)],
      ["unread", "unread", (row) => bytes(row.unread)],
      ["latency", "latency", (row) => seconds(row.latency)],
      ["last error", null, text("error")],
    ],
    ended: [
      ["#", null, text("id")], ["at", null, (row) => clock(row.at)],
      ["address", null, text("address")],
      ["agent", null, text("agent")], ["lasted", "", (row) => seconds(row.age)],
      ["code", "", text("code")], ["reason", null, text("reason")], ["why", null, text("error")],
    ],
    rooms: [
      ["room", null, text("name")], ["members", "", (row) => plain(row.members)],
      ["there now", "", (row) => plain(row.present)],
    ],
  };
  columns.server = columns.connection;
  columns.client = columns.connection.map((column) =>
    column[0] === "agent" ? ["url, state", null, (row) => row.url + " " + row.state] : column);
  const titles = { server: "Connections", client: "Clients", ended: "Ended", rooms: "Rooms" };
  const notes = { server: "Of this program's servers.", client: "Of this program, to others.",
    ended: "How the last connections of the servers ended, the latest first.",
    rooms: "Of the chat." };

  function sortBy(order) {
    if (state.order === order) state.ascending = !state.ascending;
    else { state.order = order; state.ascending = false; }
    state.skip = 0;
    ask();
  }

  function showHead() {
    if (!changed("head", [state.view, state.order, state.ascending])) return;
    const cells = columns[state.view].map(([name, order]) => {
      const attributes = { scope: "col", class: order === null ? null : "number" };
      if (!order) return make("th", attributes, name);
      const active = state.order === order;
      attributes["aria-sort"] = active ? (state.ascending ? "ascending" : "descending") : "none";
      const mark = active ? (state.ascending ? " ↑" : " ↓") : "";
      return make("th", attributes, make("button", { type: "button", "data-key": "sort-" + order,
        click: () => sortBy(order) }, name + mark));
    });
    byId("head").replaceChildren(make("tr", null, ...cells));
  }

  function detailUnit(value, unit) {
    if (unit === "s") return seconds(value);
    if (unit === "B") return bytes(value);
    return typeof value === "number" ? plain(value) : String(value);
  }

  function closer(row) {
    if (!state.look.may_close) return null;
    const does = state.view === "client" ? "Connect again" : "Close";
    if (state.sure !== row.id) {
      return make("button", { type: "button", class: "bad", "data-key": "close",
        click: () => { state.sure = row.id; showTable(); focusKey("sure"); } },
      does + " #" + row.id);
    }
    return make("span", null,
      make("button", { type: "button", class: "bad", "data-key": "sure",
        click: () => close(row.id) }, "Yes: " + does.toLowerCase() + " #" + row.id), " ",
      make("button", { type: "button", "data-key": "no",
        click: () => { state.sure = null; showTable(); focusKey("close"); } }, "No"));
  }

  // The row below one that is open.
  const below = { row: make("tr", { id: "details" }) };

  function detailRow(row) {
    if (changed("below", [state.view, row.id])) {
      below.list = make("dl", { class: "details" });
      below.tools = make("div");
      below.row.replaceChildren(make("td", { colspan: columns[state.view].length },
        below.list, below.tools));
    }
    if (changed("names", [row.id, state.details.map(([name]) => name)])) {
      below.list.replaceChildren(...state.details.map(([name]) => make("div", null,
        make("dt", null, name.replace(/_/g, " ")), make("dd"))));
    }
    state.details.forEach(([, value, unit], i) =>
      setText(below.list.children[i].lastChild, detailUnit(value, unit)));
    if (changed("tools", [state.view, row.id, state.sure, state.look.may_close])) {
      below.tools.replaceChildren(...[closer(row)].filter(Boolean));
    }
    return below.row;
  }

  function newRow(row) {
    return make("tr", null, ...columns[state.view].map(([, order, write]) => {
      if (write) return make("td", { class: order === null ? "text" : "number" });
      return make("td", { class: "number" }, make("button", { type: "button", class: "open",
        "data-key": "open-" + row.id, "aria-label": "connection " + row.id,
        click: () => toggle(row.id) }, String(row.id)));
    }));
  }

  const rows = new Map();

  function toRow(row) {
    const name = row.id === undefined ? row.name : row.id + " " + (row.at || "");
    const key = state.view + " " + name;
    const element = rows.get(key) || newRow(row);
    rows.delete(key);
    rows.set(key, element);
    columns[state.view].forEach(([, , write], i) => {
      if (write) return setText(element.children[i], write(row));
      const open = state.open === row.id;
      element.querySelector("button").setAttribute("aria-expanded", String(open));
    });
    return element;
  }

  function forgetRows() {
    for (const key of rows.keys()) if (rows.size > 400) rows.delete(key);
  }

  function focusKey(key) {
    const all = [...document.querySelectorAll("[data-key]")];
    const element = all.find((one) => one.dataset.key === key);
    if (element) element.focus();
  }

  const opens = () => state.view === "server" || state.view === "client";

  // A row that moves loses the focus: it is given back.
  function showTable() {
    const look = state.look, focused = document.activeElement && document.activeElement.dataset.key;
    showHead();
    const body = [];
    for (const row of look.rows) {
      body.push(toRow(row));
      if (opens() && row.id === state.open) body.push(detailRow(row));
    }
    if (!look.rows.length) {
      body.push(make("tr", null, make("td", { colspan: columns[state.view].length }, "none")));
    }
    place(byId("body"), body);
    forgetRows();
    if (focused && document.activeElement.dataset.key !== focused) focusKey(focused);
    setText(byId("table-heading"), titles[state.view]);
    const until = Math.min(look.skip + look.rows.length, look.count);
    setText(byId("place"), `${look.count && look.skip + 1} to ${until} of ${look.count}`);
    byId("before").disabled = look.skip === 0;
    byId("behind").disabled = until >= look.count;
    const reads = " This dashboard only reads: closing is not switched on.";
    setText(byId("note"), notes[state.view] + (look.may_close || !opens() ? "" : reads));
  }

  function showViews() {
    const look = state.look;
    const names = ["server", "ended"];
    if (look.has_clients) names.push("client");
    if (look.has_chat) names.push("rooms");
    if (byId("views").dataset.names === names.join()) return;
    byId("views").dataset.names = names.join();
    byId("views").replaceChildren(...names.map((name) => make("button", { type: "button",
      "data-view": name, "aria-pressed": String(name === state.view),
      click: () => choose(name) }, titles[name])));
  }

  function choose(view) {
    Object.assign(state, { view, skip: 0, open: null, details: [], sure: null });
    for (const button of byId("views").children) {
      button.setAttribute("aria-pressed", String(button.dataset.view === view));
    }
    ask();
  }

  // ---- asking ----

  function say(words, lost) {
    byId("state").textContent = words;
    byId("state").classList.toggle("lost", !!lost);
  }

  const at = (path) => new URL(path, location.origin + location.pathname);  // without a password

  async function get(path, parameters) {
    const to = at(path + "?" + new URLSearchParams(parameters));
    const response = await fetch(to, { cache: "no-store" });
    if (!response.ok) throw new Error(response.status + ": " + (await response.text()).trim());
    return response.json();
  }

  async function readDetails() {
    if (state.open === null) return;
    const id = state.open;
    try {
      const answer = await get("connection", { id });
      if (state.open === id) state.details = answer.details;
    } catch (_) {
      if (state.open !== id) return;
      Object.assign(state, { open: null, details: [] });
      byId("done").textContent = `#${id} is gone`;
    }
  }

  function show(look) {
    state.look = look;
    keepHistory(look.history);
    document.title = look.title;
    byId("title").textContent = look.title;
    showViews();
    showFigures(look);
    showEnds(look);
    drawCharts();
    showTable();
    if (!state.paused) say(`live, ${clock(look.now)}, ${look.lua}, loop: ${look.loop}`);
  }

  // One question at a time; the answer to an older one is not shown.
  async function ask() {
    const number = ++state.asking;
    clearTimeout(state.timer);
    try {
      const { since, view, order, skip, take, word } = state;
      const ascending = state.ascending ? 1 : 0;
      const [look] = await Promise.all(
        [get("look", { since, view, order, ascending, skip, take, word }), readDetails()]);
      if (number !== state.asking) return;
      if (look.rows.length === 0 && look.skip > 0 && look.count > 0) state.skip = 0;
      show(look);
    } catch (error) {
      if (number !== state.asking) return;
      say("lost: " + error.message, true);
    }
    plan();
  }

  function plan() {
    clearTimeout(state.timer);
    if (!state.paused && !document.hidden) state.timer = setTimeout(ask, 1000);
  }

  async function toggle(id) {
    Object.assign(state, { open: state.open === id ? null : id, details: [], sure: null });
    await readDetails();
    showTable();
    focusKey("open-" + id);
  }

  async function close(id) {
    state.sure = null;
    try {
      const response = await fetch(at("close"), { method: "POST", body: String(id),
        headers: { "X-Dashboard-Token": state.look.token } });
      const words = await response.text();
      byId("done").textContent = response.ok ? `#${id}: done` : `#${id}: ${words.trim()}`;
      if (response.ok && state.open === id) Object.assign(state, { open: null, details: [] });
    } catch (error) {
      byId("done").textContent = `#${id}: ${error.message}`;
    }
    await ask();
    byId("table").focus();
  }

  byId("pause").addEventListener("click", () => {
    state.paused = !state.paused;
    byId("pause").setAttribute("aria-pressed", String(state.paused));
    if (state.paused) { clearTimeout(state.timer); say("paused"); } else ask();
  });
  function turn(by) {
    state.skip = Math.max(0, state.skip + by * state.take);
    ask();
  }
  byId("before").addEventListener("click", () => turn(-1));
  byId("behind").addEventListener("click", () => turn(1));
  let typing = 0;
  byId("word").addEventListener("input", () => {
    clearTimeout(typing);
    typing = setTimeout(() => { state.word = byId("word").value; state.skip = 0; ask(); }, 250);
  });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && !state.paused) ask();
  });
  prepareCharts();
  ask();
})();
]=]
