// The page of a customer, or of a doctor: what chat.js has, shown. Who it is comes behind
// the "#" of its address, which no server is sent: #UID.TOKEN.

import { Chat } from "./chat.js"

const LARGEST = 1600, HEAVY = 300000      // px; bytes of a picture that is sent as it is
const SHOWN_FOR = 4000                    // ms that "connected again" stays

const $ = id => document.getElementById(id)
const scroll = $("scroll"), log = $("log"), text = $("text"), line = $("line")
const known = new Map()                   // of a message: its key -> its <li>
const drafts = new Map()
let talk, people = {}, current, was_lost = false, lost_note, waiting_timer

// ## Words

const nameOf = uid => people[uid]?.name ?? uid
const clock = time => new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
const MARKS = {
  waiting: ["…", "waits to be sent"], sent: ["–", "sent"], received: ["✓", "received"],
  read: ["✓✓", "read"], refused: ["!", "refused"],
}

function others(room) { return (room?.members ?? []).filter(uid => uid !== talk.uid) }
function title(room) { return others(room).map(nameOf).join(", ") || room?.name || "Chat" }
function plain(message) { return message.type === 2 ? `picture ${message.content}` : message.content }

function element(tag, fields, ...children) {
  const made = Object.assign(document.createElement(tag), fields)
  made.append(...children)
  return made
}

// ## A message

// A picture's URL of another host is not loaded: its owner would see who looks.
function picture(message) {
  const { content, picture } = message
  let source = picture
  if (!source && /^https?:/.test(content) && URL.canParse(content)) {
    if (new URL(content).origin === location.origin) source = content
    else return element("p", { className: "content" }, element("a",
      { href: content, target: "_blank", rel: "noopener noreferrer" }, content))
  }
  if (!source) return element("p", { className: "content" }, `Picture ${content} (not kept here)`)
  const image = element("img", { src: source, alt: `Picture ${content}` })
  image.onload = () => stick()
  image.onerror = () => image.closest("button").replaceWith(`Picture ${content} (cannot be shown)`)
  const button = element("button", { type: "button", className: "picture", tabIndex: -1 }, image)
  button.setAttribute("aria-label", `Picture ${content}, show it large`)
  button.onclick = () => {
    Object.assign($("shown"), { src: source, alt: `Picture ${content}` })
    $("large").showModal()
  }
  return button
}

function foot(message) {
  const at = new Date(message.sendTime)     // what an author says: there may be no such day
  const made = element("p", { className: "foot" }, isNaN(at) ? ""
    : element("time", { dateTime: at.toISOString() }, clock(at)))
  if (message.senderId === talk.uid) {
    const [mark, word] = MARKS[talk.status(message)]
    const shown = element("span", { className: "mark", title: word }, ` ${mark}`)
    shown.setAttribute("aria-hidden", "true")
    made.append(shown, element("span", { className: "unseen" }, `, ${word}`))
    if (message.why) made.append(`: ${message.why}`)
  }
  return made
}

function bubble(message) {
  const mine = message.senderId === talk.uid
  const made = element("li", { className: `message${mine ? " mine" : ""}`, tabIndex: -1 })
  const is_group = others(talk.rooms.get(message.room)).length > 1
  if (is_group && !mine) made.append(element("p", { className: "author" }, nameOf(message.senderId)))
  else made.append(element("span", { className: "unseen" }, `${mine ? "You" : nameOf(message.senderId)}: `))
  made.append(message.type === 2 ? picture(message)
    : element("p", { className: "content" }, message.content), foot(message))
  made.classList.toggle("refused", message.final === "refused")
  return made
}

const keyOf = ({ senderId, id }) => JSON.stringify([senderId, id])

function make(message) {
  const made = bubble(message)
  Object.assign(made.dataset, { status: talk.status(message), from: message.senderId })
  known.set(keyOf(message), made)
  return made
}

// Puts a message where it belongs: before the next one that is shown.
function place(message) {
  const list = talk.messages(current), key = keyOf(message), old = known.get(key)
  const at = list.findIndex(one => keyOf(one) === key)
  const next = list.slice(at + 1).map(one => known.get(keyOf(one))).find(li => li && li !== old)
  const made = make(message)
  const has_focus = old?.contains(document.activeElement)
  let after = old?.nextElementSibling
  while (after?.classList.contains("note")) after = after.nextElementSibling
  if (old && (after ?? undefined) === next) old.replaceWith(made)
  else {
    old?.remove()
    if (next) next.before(made); else log.append(made)
  }
  if (has_focus) made.focus()
  return made
}

function note(words) {
  const made = element("li", { className: "note" }, words)
  stick(() => log.append(made))
  return made
}

// ## The log

const is_at_end = () => scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 40
let sticks = true
scroll.addEventListener("scroll", () => {
  sticks = is_at_end()
  if (sticks) seen()
})
addEventListener("resize", () => stick())

function stick(change) {
  change?.()
  if (sticks) scroll.scrollTop = scroll.scrollHeight
}

// What is shown to somebody who looks is read.
function seen() {
  if (!current || !talk.rooms.has(current)) return
  if (sticks && !document.hidden && document.hasFocus()) {
    const last = talk.unread(current).at(-1)
    if (last) talk.read(last)
  }
  count()
}

function count() {
  const unread = talk.unread(current).length
  $("newer").hidden = sticks || !unread
  $("newer").textContent = unread === 1 ? "1 new message" : `${unread} new messages`
  let all = 0
  for (const name of talk.rooms.keys()) all += talk.unread(name).length
  document.title = (all ? `(${all}) ` : "") + title(talk.rooms.get(current))
  for (const button of $("rooms").children) {
    const n = talk.unread(button.dataset.room).length
    button.replaceChildren(title(talk.rooms.get(button.dataset.room)), ...n ? [element("span",
      { className: "unread" }, String(n), element("span", { className: "unseen" }, " unread"))] : [])
  }
}

function show(name) {
  if (current) drafts.set(current, text.value)
  current = name
  known.clear()
  log.replaceChildren()
  log.append(...talk.messages(name).map(make))
  text.value = drafts.get(name) ?? ""
  text.disabled = false
  for (const button of $("rooms").children)
    if (button.dataset.room === name) button.setAttribute("aria-current", "true")
    else button.removeAttribute("aria-current")
  sticks = true
  stick()
  about()
  seen()
}

// ## Who is there

function about() {
  const room = talk.rooms.get(current), there = others(room).filter(uid => room.online.includes(uid))
  const types = (room?.typing ?? []).filter(t => t.until > Date.now()).map(t => nameOf(t.uid))
  $("name").textContent = title(room)
  $("face").textContent = title(room).replace(/^Dr\. /, "").slice(0, 1)
  const is_known = talk.state === "open" && room
  const words = there.length === others(room).length ? "online" : `${there.map(nameOf).join(", ")} online`
  $("presence").textContent = !is_known ? "" : there.length ? words : "not there"
  $("presence").classList.toggle("is-there", Boolean(is_known && there.length))
  stick(() => {
    $("typing").hidden = !types.length
    $("typing").textContent = `${types.join(" and ")} ${types.length > 1 ? "type" : "types"} …`
  })
  $("earlier").hidden = !(room?.members.length && talk.messages(current)[0]?.seq > 1)
}

function rooms() {
  const names = [...talk.rooms.values()].filter(room => room.members.length).map(room => room.name)
  const nav = $("rooms")
  if (nav.children.length !== names.length) {
    nav.replaceChildren(...names.map(name => {
      const button = element("button", { type: "button", onclick: () => show(name) })
      button.dataset.room = name
      if (name === current) button.setAttribute("aria-current", "true")
      return button
    }))
  }
  nav.hidden = names.length < 2
  if (!current && names.length) show(names[0])
}

// ## The connection

function tell() {
  const { state, until } = talk, seconds = Math.ceil((until - Date.now()) / 1000)
  clearTimeout(waiting_timer)
  const is_lost = state === "waiting" || was_lost && state === "connecting"
  if (is_lost && !was_lost && current) {
    lost_note = note(`${clock(Date.now())}: the connection is lost`)
  }
  if (state === "open" && was_lost && lost_note) note(`${clock(Date.now())}: connected again`)
  if (state === "open" && was_lost) waiting_timer = setTimeout(() => {
    line.className = $("state").textContent = ""
  }, SHOWN_FOR)
  line.className = is_lost ? "is-lost" : state === "open" && was_lost ? "is-back" : ""
  $("state").textContent = is_lost ? "The connection is lost. What you write is kept and sent later."
    : state === "open" ? was_lost ? "Connected again." : ""
    : state === "closed" ? "Closed." : "Connecting …"
  $("again").hidden = !is_lost
  $("again").title = seconds > 0 ? `It is tried by itself in ${seconds} s.` : ""
  was_lost = is_lost
  about()
  if (state !== "connecting") control()
}

function hear() {
  talk.addEventListener("message", ({ detail: message }) => {
    if (message.room !== current) return count()
    const made = place(message)
    const is_last = message === talk.messages(current).at(-1)
    if (is_last) made.classList.add("is-new")
    if (message.senderId === talk.uid && is_last) sticks = true
    stick()
    seen()
    if (message.senderId !== talk.uid && is_last)
      $("announcer").textContent = `${nameOf(message.senderId)}: ${plain(message)}`
  })
  talk.addEventListener("update", ({ detail: message }) => {
    if (message.room === current) stick(() => place(message))
  })
  talk.addEventListener("room", ({ detail: room }) => {
    rooms()
    if (room.name !== current) return count()
    for (const message of talk.messages(current)) {
      const status = known.get(keyOf(message))?.dataset.status
      if (message.senderId === talk.uid && status && status !== talk.status(message)) place(message)
    }
    about()
    count()
  })
  talk.addEventListener("missed", ({ detail }) => {
    if (detail.room.name === current) note(`${detail.count} messages are lost: the server kept no more.`)
  })
  talk.addEventListener("state", tell)
}

// ## Writing

function trouble(why) {
  $("trouble").textContent = why
  $("trouble").hidden = !why
}

function send() {
  const content = text.value.trim()
  if (!content || !current) return
  try {
    talk.text(content, { room: current })
    talk.typing(current, false)
    text.value = ""
    trouble("")
  } catch (error) { trouble(error.message) }
}

function toURL(blob) {
  return new Promise((done, fail) => Object.assign(new FileReader(),
    { onload: ({ target }) => done(target.result), onerror: fail }).readAsDataURL(blob))
}

// The data: URL of a picture; of a large one that of a smaller copy.
async function urlOf(file) {
  const bitmap = await createImageBitmap(file)
  const scale = Math.min(1, LARGEST / Math.max(bitmap.width, bitmap.height))
  if (scale === 1 && file.size <= HEAVY && /^image\/(png|jpeg|gif|webp)$/.test(file.type))
    return toURL(file)
  const canvas = new OffscreenCanvas(Math.ceil(bitmap.width * scale), Math.ceil(bitmap.height * scale))
  canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height)
  return toURL(await canvas.convertToBlob({ type: "image/jpeg", quality: 0.85 }))
}

async function sendPictures(files) {
  const room = current
  for (const file of files) try {
    if (!file.type.startsWith("image/")) throw new Error("not an image")
    talk.image(await urlOf(file), { room, name: file.name.slice(0, 100) || "picture" })
    trouble("")
  } catch (error) { trouble(`${file.name || "This"} cannot be sent: ${error.message}`) }
}

function write() {
  $("composer").onsubmit = event => { event.preventDefault(); send(); text.focus() }
  text.onkeydown = event => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return
    event.preventDefault()
    send()
  }
  text.oninput = () => talk.typing(current, text.value !== "")
  text.onpaste = event => {
    if (!event.clipboardData.files.length) return
    event.preventDefault()
    sendPictures([...event.clipboardData.files])
  }
  $("pick").onclick = () => $("files").click()
  $("files").onchange = async () => {
    const files = [...$("files").files]
    $("files").value = ""
    await sendPictures(files)
    text.focus()
  }
  document.body.ondragover = event => {
    event.preventDefault()
    scroll.classList.add("is-target")
  }
  document.body.ondragleave = () => scroll.classList.remove("is-target")
  document.body.ondrop = event => {
    event.preventDefault()
    scroll.classList.remove("is-target")
    sendPictures([...event.dataTransfer.files])
  }
}

// One stop of Tab for all messages: arrows, Home and End inside; Escape goes back.
function keys() {
  scroll.onkeydown = event => {
    const all = [...log.querySelectorAll(".message")], at = all.indexOf(document.activeElement)
    const to = { ArrowUp: at < 0 ? all.length - 1 : at - 1, ArrowDown: at + 1, Home: 0,
      End: all.length - 1 }[event.key]
    if (event.key === "Escape") text.focus()
    else if (event.key === "Enter" && at >= 0) all[at].querySelector(".picture")?.click()
    else if (to === undefined) return
    else all[Math.max(0, Math.min(to, all.length - 1))]?.focus()
    event.preventDefault()
  }
  $("newer").onclick = () => { sticks = true; stick(); seen(); text.focus() }
  $("earlier").onclick = () => talk.earlier(current)
  $("again").onclick = () => { talk.wake(); text.focus() }
}

// Without the name and the password of the page's address, which fetch refuses.
const at = path => new URL(path, location.origin + location.pathname)

// ## The demo's server

async function control(path = "server", method = "GET") {
  const answer = await fetch(at(path), { method }).catch(() => ({}))
  if (!answer.ok) return
  const { running } = await answer.json()
  $("server").hidden = false
  $("kill").disabled = !running
  $("start").disabled = running
  if (running && method === "POST") talk.wake()
}

// ## The start

async function begin() {
  const [, uid, token] = /^#([^.]+)\.(.+)$/.exec(location.hash) ?? []
  if (uid) {
    sessionStorage.setItem("session", JSON.stringify({ uid: decodeURIComponent(uid), token }))
    history.replaceState(null, "", location.pathname)
  }
  const session = JSON.parse(sessionStorage.getItem("session"))
  if (!session) {
    $("state").textContent = "Open the address that was printed: it says who you are."
    return
  }
  const about_page = await (await fetch(at("chat.json"))).json()
  people = about_page.people
  talk = globalThis.talk = new Chat({
    ...session, mode: people[session.uid]?.mode, ...about_page.chat,
  })
  hear()
  write()
  keys()
  rooms()
  tell()
  for (const name of ["focus", "blur"]) addEventListener(name, seen)
  document.addEventListener("visibilitychange", seen)
  $("kill").onclick = () => control("server/kill", "POST")
  $("start").onclick = () => control("server/start", "POST")
  control()
  if (!text.disabled) text.focus()
}

begin()
