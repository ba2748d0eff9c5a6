// The chat of wsmanager in a browser: what chat.new is in Lua. Depends on nothing.
//
//   import { Chat } from "./chat.js"
//   const talk = new Chat({ server: location.host, uid: "42", token: "a secret" })
//   talk.addEventListener("message", ({ detail: message }) => show(message))
//   talk.text("good morning", { room: "ward 3" })
//
// What text() or image() has returned reaches the others exactly once and in order, whatever
// happens to the connection, the server and this page: it is in localStorage before it is sent,
// and is sent again until it is confirmed. What comes is in localStorage before it is confirmed,
// and is known again by its author and its id.
// Of all tabs of a user one is connected: who has a lock (navigator.locks). The others write
// into localStorage what they send, and are told by its event `storage` what has come. Without
// locks (neither https nor localhost) each tab connects, and nothing doubles either.
const RECEIVED = 1, SEND = 2, READ = 3, HEART = 4, STORED = 5, REFUSED = 6, TYPING = 7,
  PRESENCE = 8, HISTORY = 9, ROOM = 10, WELCOME = 11, TEXT = 1, IMAGE = 2
const TYPES_EVERY = 3000, TYPES_FOR = 6000, STABLE = 5000, PAGE = 50   // ms; messages asked
const ticks = () => performance.now()      // ms that the clock of the day does not change
const defaults = {
  server: location.host, secure: location.protocol === "https:", mode: 2, name: "chat",
  delay: 500, longest: 30000, open: 10000, interval: 30000, timeout: 45000,          // ms
  messages: 1500, pictures: 20, outbox: 200,      // kept, with their bytes, not confirmed
}
const keyOf = ({ senderId, id }) => JSON.stringify([senderId, id])
const inOrder = (a, b) => (a.epoch ?? 1e9) - (b.epoch ?? 1e9)
  || (a.seq ?? 1e16) - (b.seq ?? 1e16) || (a.order ?? 0) - (b.order ?? 0)

// A picture's bytes as a data: URL. Whatever kind it names, browsers look at the bytes.
const toURL = bytes => "data:image/png;base64,"
  + btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""))
function decode(data) {
  if (typeof data === "string") return (({ picture, ...frame }) => frame)(JSON.parse(data))
  const bytes = new Uint8Array(data), feed = bytes.indexOf(10)
  const frame = JSON.parse(new TextDecoder().decode(bytes.subarray(0, feed)))
  return { ...frame, picture: toURL(bytes.subarray(feed + 1)) }
}
// A message as it is sent: without what is only noted of it here.
function encode({ picture, epoch, seq, order, came, final, why, ...frame }) {
  const head = JSON.stringify({ action: SEND, ...frame })
  const bytes = picture && Uint8Array.from(atob(picture.split(",")[1]), c => c.charCodeAt(0))
  return bytes ? new Blob([head, "\n", bytes]) : head
}

// Events, with their subject in `detail`: message (a new one), update (of a message), room (its
// users, receipts, what is read), state, missed ({ room, count }: forgotten by the server).
export class Chat extends EventTarget {
  state = "connecting"   // open; waiting, until `until`; closed
  rooms = new Map()      // name -> { name, members, online, typing: [{ uid, until }] }
  #all = new Map(); #typed = {}; #last = 0; #leads = false; #turn = null; #tries = 0
  #gone = new AbortController()

  constructor(options) {
    super()
    this.options = { ...defaults, ...options }
    this.uid = String(this.options.uid)
    this.prefix = `${this.options.name}/${encodeURIComponent(this.uid)}/`
    try { this.store = localStorage } catch {}             // forbidden: nothing is kept
    for (const name of this.#names()) try {
      this.#apply(name, this.store[this.prefix + name], true)
    } catch { this.store.removeItem(this.prefix + name) }
    const { signal } = this.#gone, wake = () => document.hidden || this.wake()
    addEventListener("online", wake, { signal })
    document.addEventListener("visibilitychange", wake, { signal })
    addEventListener("storage", ({ key, newValue }) => key?.startsWith(this.prefix)
      && !(this.#leads && key.startsWith(this.prefix + "room/"))       // it hears that itself
      && this.#apply(key.slice(this.prefix.length), newValue), { signal })
    const lead = () => signal.aborted || new Promise(go => this.#connect(this.release = go))
    if (navigator.locks) navigator.locks.request(this.prefix, lead); else lead()
  }

  // Sends a text: the message. `extra` has its room, and more fields. Throws without room.
  text(content, extra) { return this.#say({ type: TEXT, content, ...extra }) }
  // Sends a picture: its URL, or its bytes as a data: URL in base64, whose `name` is in `extra`.
  image(url, { name = "picture", ...extra } = {}) {
    if (!url.startsWith("data:")) return this.#say({ type: IMAGE, content: url, ...extra })
    if (encode({ picture: url })) return this.#say({ type: IMAGE, content: name, ...extra, picture: url })
  }
  // The messages of a room that are here, in order; and those of others that were not read.
  messages(room) { return this.#list(m => m.room === room) }
  unread(room) {
    const read = this.rooms.get(room)?.read
    return this.#list(m => m.room === room && m.senderId !== this.uid && inOrder(m, read) > 0)
  }
  // Of a message of this user: waiting, sent, received or read (by all others), refused.
  status({ room, seq, final }) {
    const { members, marks } = this.rooms.get(room)
    const by_all = kind => members.every(uid => uid === this.uid
      || marks.some(mark => mark.uid === uid && mark[kind] >= seq))
    if (final || !seq) return final ?? "waiting"
    return by_all("read") ? "read" : by_all("received") ? "received" : "sent"
  }
  // A message was read, and with it all before it in its room.
  read({ id, senderId, room, epoch, seq }) {
    if (senderId !== this.uid && inOrder({ epoch, seq }, this.rooms.get(room).read) > 0)
      this.#put("read/" + room, { id, senderId, epoch, seq })
  }
  // This user types, or no longer. For each key: the others are told every 3 s.
  typing(room, typing = true) {
    if (ticks() - (this.#typed[room] ?? -Infinity) < TYPES_EVERY === typing) return
    this.#typed[room] = typing ? ticks() : -Infinity
    this.#signal({ action: TYPING, room, typing })
  }
  // Asks for messages before the first one that is here.
  earlier(room) {
    const { epoch } = this.rooms.get(room), first = this.messages(room).find(m => m.epoch === epoch)
    const before = first && Math.ceil(first.seq)
    this.#signal({ action: HISTORY, id: "old", room, before, limit: PAGE })
  }
  wake() { this.#signal({ action: HEART }) }     // connects now; where it is open, makes sure
  close() {
    this.#leads = false
    this.#gone.abort()
    this.#lost(this.#turn)
    this.#tell("closed"), this.release?.()
  }
  forget() {          // closes, and forgets all that this browser has kept of this user
    this.close()
    for (const name of this.#names()) this.store.removeItem(this.prefix + name)
  }
  // ## What is kept: m/KEY, room/NAME and read/NAME; state and signal are for other tabs
  #names = () => Object.keys(this.store ?? {}).filter(key => key.startsWith(this.prefix))
    .map(key => key.slice(this.prefix.length))
  // Writes an entry, and has it taken in; where the browser is full, without half of all.
  #put(name, value) {
    const text = JSON.stringify(value), write = () => this.store?.setItem(this.prefix + name, text)
    try { write() } catch {
      this.#forget(this.#all.size / 2, 2)
      try { write() } catch (full) { if (value.order) throw full }
    }
    this.#apply(name, text)
  }
  #emit(type, detail) { this.dispatchEvent(new CustomEvent(type, { detail })) }
  #keep(message) { this.#put("m/" + keyOf(message), message) }
  #change(room, rest) { this.#put("room/" + room.name, { ...room, ...rest, read: undefined }) }
  #signal(frame) { this.#put("signal", { ...frame, n: Math.random() }) }
  // Takes in an entry: at the start, when this tab has written it, when another one has.
  #apply(name, text, is_start) {
    const [kind] = name.split("/", 1), key = name.slice(kind.length + 1), value = JSON.parse(text)
    const emit = (type, detail) => is_start || this.#emit(type, detail)
    if (!value) return kind === "m" && this.#all.delete(key)
    if (kind === "m") {
      const is_new = !this.#all.has(key)
      this.#all.set(key, value)
      this.#last = Math.max(this.#last, value.order ?? 0)
      if (is_new && !is_start) this.#forget(this.options.messages, this.options.pictures)
      emit(is_new ? "message" : "update", value)
      if (is_new && value.order) this.#send(encode(value))
    } else if (kind === "room" || kind === "read") {
      const room = Object.assign(this.#room(key), kind === "read" ? { read: value } : value)
      if (value.typing?.length) setTimeout(() => emit("room", room), TYPES_FOR)
      if (kind === "read") this.#sendRead(room)
      emit("room", room)
    } else if (kind === "signal" && this.#leads) this.#obey(value)
    else if (kind === "state" && !this.#leads) this.#tell(value.state, value.until)
  }
  #room(name) {
    if (!this.rooms.has(name)) this.rooms.set(name, { name, members: [], online: [], marks: [],
      typing: [], epoch: 0, high: 0, gap: null, read: { epoch: 0, seq: 0 } })
    return this.rooms.get(name)
  }
  // Keeps so many messages, the newest, and so many with their bytes; and what waits.
  #forget(messages, pictures) {
    const old = this.#list(m => !m.order).sort((a, b) => a.came - b.came).reverse()
    for (const { picture, ...m } of old.filter(m => m.picture).slice(pictures)) {
      this.#all.set(keyOf(m), m)
      this.store?.setItem(this.prefix + "m/" + keyOf(m), JSON.stringify(m))
    }
    for (const m of old.slice(messages)) {
      this.#all.delete(keyOf(m))
      this.store?.removeItem(this.prefix + "m/" + keyOf(m))
    }
  }
  #list(test) { return [...this.#all.values()].filter(test).sort(inOrder) }
  #say(frame) {
    const waiting = this.#list(m => m.order).length
    if (!this.rooms.has(frame.room)) throw new Error(`There is no room "${frame.room}".`)
    if (waiting >= this.options.outbox) throw new Error("Too much waits to be sent.")
    const sendTime = Date.now(), order = Math.max(sendTime, this.#last + 1)
    const id = `${order.toString(36)}-${Math.random().toString(36).slice(2)}`
    const message = { ...frame, id, senderId: this.uid, sendTime, came: sendTime, order }
    this.#keep(message)
    return message
  }
  // ## The connection
  #tell(state, until) {
    Object.assign(this, { state, until })
    clearTimeout(this.timer)
    if (state === "waiting") this.timer = setTimeout(() => this.wake(), until - Date.now())
    if (this.#leads) this.#put("state", { state, until })
    this.#emit("state", state)
  }
  #connect() {
    this.#leads = true
    const { secure, server, mode, token } = this.options
    const [name, secret] = [this.uid, token].map(encodeURIComponent)
    const ws = new WebSocket((secure ? "wss://" : "ws://") + server
      + `/ws/${name}?mode=${mode}&token=${secret}`), turn = this.#turn = { ws, began: ticks() }
    ws.binaryType = "arraybuffer"
    ws.onclose = () => this.#lost(turn)
    ws.onmessage = ({ data }) => {
      Object.assign(turn, { heard: ticks(), asked: 0 })
      this.#take(decode(data))
    }
    turn.timer = setInterval(() => this.#watch(turn, ws.bufferedAmount), 1000)
    this.#tell("connecting")
  }
  // A heartbeat after some silence; its answer has to come, but for what is on its way.
  #watch(turn, left) {
    const { open, interval, timeout } = this.options, now = ticks()
    if (turn.asked && left < turn.left) turn.asked = now
    turn.left = left
    if (!turn.opened) return now - turn.began > open && this.#lost(turn)
    if (now - turn.opened > STABLE) this.#tries = 0
    if (turn.asked && now - turn.asked > timeout - interval) this.#lost(turn)
    else if (!turn.asked && now - turn.heard > interval) this.#obey({ action: HEART })
  }
  #lost(turn) {
    if (!turn || turn !== this.#turn) return
    this.#turn = turn.ws.onclose = turn.ws.onmessage = null
    clearInterval(turn.timer)
    turn.ws.close()
    const delay = Math.min(this.options.longest, this.options.delay * 2 ** this.#tries++)
    if (this.#leads) this.#tell("waiting", Date.now() + delay * (0.5 + Math.random() / 2))
  }
  #obey({ n, ...frame }) {                // what a tab wants now or never
    if (!this.#turn) return frame.action === HEART && this.#connect()
    if (frame.action === HEART) this.#turn.asked ||= ticks()
    this.#json(frame)
  }
  #send(data) { if (this.#turn?.opened) this.#turn.ws.send(data) }
  #json(frame) { this.#send(JSON.stringify({ senderId: this.uid, ...frame })) }
  #sendRead({ name: room, read: { id, senderId }, done }) {
    if (id && done !== keyOf({ id, senderId }))
      this.#json({ action: READ, id, receiverId: senderId, room })
  }
  #fill({ name: room, gap: after }) {     // asks for what went to other devices of this user
    if (after !== null) this.#json({ action: HISTORY, id: "new", room, after, limit: PAGE })
  }
  #open() {
    this.#turn.opened = ticks()
    this.#tell("open")
    for (const message of this.#list(m => m.order)) this.#send(encode(message))
    for (const room of this.rooms.values()) {
      this.#sendRead(room)
      this.#fill(room)
      if (!this.messages(room.name).length) this.earlier(room.name)
    }
  }
  #take(frame) {
    const { action, id, of, seq, senderId: uid } = frame, room = this.rooms.get(frame.room)
    const own = this.#all.get(keyOf({ id, senderId: this.uid }))
    if (action === ROOM) this.#takeRoom(frame)
    else if (action === WELCOME) this.#open()
    else if (action === PRESENCE) {
      for (const one of this.rooms.values()) if (one.members.includes(uid)) this.#change(one,
        { online: one.online.filter(name => name !== uid).concat(frame.online ? uid : []) })
    } else if (!room) return
    else if (action === SEND) this.#takeMessage(room, frame)
    else if (action === TYPING) this.#change(room, { typing: room.typing.filter(t => t.uid !== uid)
      .concat(frame.typing ? { uid, until: Date.now() + TYPES_FOR } : []) })
    else if (action === HISTORY && id === "new") {
      this.#change(room, { gap: frame.count && room.gap < room.high ? room.gap : null })
      this.#fill(room)
    } else if (of === READ) this.#change(room, { done: keyOf(frame) })
    else if (of === SEND && own?.order) {
      const { order, ...m } = own, { epoch, high } = room
      if (seq > high) this.#change(room, { high: seq })
      this.#keep(action === STORED ? { ...m, epoch: m.epoch ?? epoch, seq: m.seq ?? seq }
        : { ...m, epoch, seq: high + 0.5, final: "refused", why: frame.why })
    } else if ((action === RECEIVED || action === READ) && seq) {
      const { received = 0, read = 0 } = room.marks.find(mark => mark.uid === uid) ?? {}
      this.#change(room, { marks: room.marks.filter(mark => mark.uid !== uid).concat({ uid,
        received: Math.max(received, seq), read: Math.max(read, action === READ ? seq : 0) }) })
    } else if (action === READ && own)          // one that the server has lost since
      for (const m of this.messages(room.name))
        if (m.senderId === this.uid && inOrder(m, own) <= 0) this.#keep({ ...m, final: "read" })
  }
  #takeMessage(room, { action, history, order, final, why, ...frame }) {
    const { id, seq, senderId: uid } = frame, known = this.#all.get(keyOf(frame))
    const came = history ? frame.sendTime : Date.now(), { epoch } = room
    if (!known || known.order && !known.seq) this.#keep({ ...known, ...frame, epoch, came })
    const is_gap = !history && room.gap === null && seq > room.high + 1
    this.#change(room, { gap: history === "new" ? seq : is_gap ? room.high : room.gap,
      high: Math.max(room.high, seq), typing: room.typing.filter(t => t.uid !== uid) })
    if (is_gap) this.#fill(room)
    if (!history) this.#json({ action: RECEIVED, id, receiverId: uid, room: room.name })
  }
  #takeRoom({ room: name, left, store, members = [], online = [], marks, first, received, read }) {
    const room = this.#room(name), anew = room.store !== store, epoch = room.epoch + (anew ? 1 : 0)
    if (left) return this.#change(room, { members, online })
    if (anew) for (const m of this.messages(name))         // its numbers begin anew
      if (m.senderId === this.uid && !m.order) this.#keep({ ...m, final: this.status(m) })
    const gap = anew ? null : room.gap ?? (received > room.high ? room.high : null)
    this.#change(room, { store, epoch, members, online, marks, gap,
      high: anew ? received : Math.max(room.high, received) })
    if (first > received + 1) this.#emit("missed", { room, count: first - received - 1 })
    const upto = { epoch, seq: read }
    if (read && inOrder(upto, room.read) > 0) this.#put("read/" + name, upto)
  }
}
