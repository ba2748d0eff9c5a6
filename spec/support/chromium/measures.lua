-- What is measured in a page of Chromium: text that one cannot read, and what sticks out
-- at the side. Methods of chromium.lua's pages.

local measures = {}

local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local value_of = {}
for i = 1, 64 do value_of[DIGITS:byte(i)] = i - 1 end

--- The bytes of base64 (RFC 4648 4), padded.
function measures.from_base64 (text)
  local parts, char = {}, string.char
  local padding = #text:match "=*$"
  for at = 1, #text, 4 do
    local a, b, c, d = text:byte(at, at + 3)
    local n = ((value_of[a] * 64 + value_of[b]) * 64 + (value_of[c] or 0)) * 64
      + (value_of[d] or 0)
    parts[#parts + 1] = char(math.floor(n / 65536), math.floor(n / 256) % 256, n % 256)
  end
  local bytes = table.concat(parts)
  return bytes:sub(1, #bytes - padding)
end

-- How far the page is wider than it is seen, and what sticks out. What scrolls or is
-- clipped in a box of its own does not count.
local OVERFLOW = [[(async () => {
  await document.fonts.ready
  await new Promise(requestAnimationFrame)
  const root = document.scrollingElement
  const seen = root.clientWidth
  const is_clipped = element => {
    for (let e = element.parentElement; e && e !== root && e !== document.body;
         e = e.parentElement)
      if (getComputedStyle(e).overflowX !== "visible") return true
    return false
  }
  const out = []
  let most = root.scrollWidth - seen
  for (const element of document.body.querySelectorAll("*")) {
    const box = element.getBoundingClientRect()
    if (!box.width || !box.height || box.right <= seen + 0.5) continue
    if (getComputedStyle(element).visibility === "hidden" || is_clipped(element)) continue
    most = Math.max(most, box.right - seen)
    out.push(element.tagName.toLowerCase() + (element.id && "#" + element.id) + " "
      + Math.round(box.right - seen) + " \"" + element.textContent.trim().slice(0, 40) + "\"")
  }
  return { most, out: out.slice(0, 10).join("\n") }
})()]]

--- Makes the page so wide (px); how many px it scrolls sideways then, 0 where it does
--- not, and which elements are the cause, a line each.
function measures.overflow (page, width, height)
  page:size(width, height or 800)
  local found = page:evaluate(OVERFLOW)
  return found.most, found.out
end

-- WCAG 2.2, 1.4.3: the contrast of each text that is seen with what is behind it, that
-- is the backgrounds of its ancestors, the one over the other. A gradient counts with the
-- worst of its colours. Text over a picture cannot be measured: its contrast is 0.
local CONTRAST = [[(async () => {
  await document.fonts.ready
  await Promise.all(document.getAnimations().filter(a => a.effect
    && a.effect.getComputedTiming().endTime !== Infinity).map(a => a.finished.catch(() => 0)))
  const paper = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true })
  const known = new Map()
  const rgba = text => {
    if (!known.has(text)) {
      paper.clearRect(0, 0, 1, 1)
      paper.fillStyle = text
      paper.fillRect(0, 0, 1, 1)
      const [r, g, b, a] = paper.getImageData(0, 0, 1, 1).data
      known.set(text, [r, g, b, a / 255])
    }
    return known.get(text)
  }
  const over = (top, below, share = 1) => {
    const a = top[3] * share
    return [0, 1, 2].map(i => top[i] * a + below[i] * (1 - a)).concat(1)
  }
  const luminance = colour => {
    const [r, g, b] = colour.map(v => v / 255)
      .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
  }
  const ratio = (one, other) => {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b)
    return (high + 0.05) / (low + 0.05)
  }
  const probe = document.body.appendChild(document.createElement("i"))
  probe.style.background = "Canvas"
  const canvas = rgba(getComputedStyle(probe).backgroundColor)
  probe.remove()

  // What may be behind an element's text: colours; null where a picture is.
  const behind = new Map()
  const backgrounds = (element, own) => {
    if (!element) return [canvas]
    const key = own || element
    if (behind.has(key)) return behind.get(key)
    const style = own || getComputedStyle(element)
    let list = backgrounds(own ? element : element.parentElement)
    const image = style.backgroundImage
    if (list && style.backgroundColor)
      list = list.map(below => over(rgba(style.backgroundColor), below))
    if (/url\(|image\(/.test(image)) list = null
    else if (list && image !== "none")
      list = (image.match(/(?:rgba?|color|oklch|oklab|hsla?|lab|lch)\([^()]*\)/g) || [])
        .flatMap(colour => list.map(below => over(rgba(colour), below)))
    behind.set(key, list)
    return list
  }
  const opacity = element => {
    let share = 1
    for (let e = element; e; e = e.parentElement) share *= getComputedStyle(e).opacity
    return share
  }
  const found = []
  const judge = (element, style, text, own) => {
    if (!text.trim() || parseFloat(style.fontSize) === 0) return
    const share = opacity(element)
    if (!share) return
    const list = backgrounds(element, own)
    const ink = rgba(element instanceof SVGElement ? style.fill : style.color)
    const least = list ? Math.min(...list.map(c => ratio(over(ink, c, share), c))) : 0
    found.push({ ratio: least, text: text.trim().slice(0, 40), element:
      element.tagName.toLowerCase() + (element.id && "#" + element.id)
      + (element.getAttribute("class") ? "." + element.getAttribute("class") : "") })
  }
  const is_seen = element => element.checkVisibility({ visibilityProperty: true })
    && [...element.getClientRects()].some(box => box.width > 1 && box.height > 1)
    && !element.closest(":disabled, [aria-disabled=true]")
  for (const element of document.body.querySelectorAll("*")) {
    if (/^(script|style|template|noscript|option|img|canvas|video)$/i.test(element.tagName))
      continue
    if (!is_seen(element)) continue
    const style = getComputedStyle(element)
    const text = [...element.childNodes].filter(n => n.nodeType === 3)
      .map(n => n.data).join("")
    judge(element, style, text)
    if (/^(input|textarea|select)$/i.test(element.tagName)
        && !/^(checkbox|radio|range|color|file|hidden)$/.test(element.type)) {
      judge(element, style, element.value)
      if (!element.value && element.placeholder)
        judge(element, getComputedStyle(element, "::placeholder"), element.placeholder)
    }
    for (const name of ["::before", "::after"]) {
      const own = getComputedStyle(element, name)
      const said = own.display !== "none" && own.content.match(/^"(.*)"/s)
      if (said) judge(element, own, said[1], own)
    }
  }
  found.sort((a, b) => a.ratio - b.ratio)
  return { count: found.length, least: found.length ? found[0].ratio : 21,
    worst: found.slice(0, 10).map(f => f.ratio.toFixed(2) + " " + f.element + " \""
      + f.text + "\"").join("\n") }
})()]]

--- The least contrast (1 to 21) of all text that is seen, and the ten worst, a line each,
--- and how many texts there were. Controls that are switched off do not count.
function measures.contrast (page)
  local found = page:evaluate(CONTRAST)
  return found.least, found.worst, found.count
end

return measures
