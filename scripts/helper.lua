-- Writes down in the file $JOURNAL which test runs, and how each ended: lines of
-- a word, seconds and a title. Whoever started this sees by it that tests go on,
-- and which one crashed or hangs.
local busted = require "busted"

local journal = assert(io.open(os.getenv "JOURNAL", "a"))
journal:setvbuf "line"
local before = busted.monotime()

local function title(element)
  local parent = busted.parent(element)
  local name = tostring(element.name or element.descriptor)
  if not parent or element.descriptor == "file" then return name end
  return title(parent) .. ", " .. name
end

-- The seconds are those since the end of the test before: a test's own and what
-- was set up for it.
local function note(word, element)
  local now = busted.monotime()
  journal:write(("%s\t%.3f\t%s\n"):format(word, now - before,
    (title(element):gsub("%s+", " "))))
  if word ~= "in" then before = now end
end

for _, kind in ipairs { "file", "describe", "test" } do
  busted.subscribe({ kind, "start" }, function(element) note("in", element) end)
end

busted.subscribe({ "test", "end" }, function(element, _, status)
  note(status, element)
end)

-- Outside of a test: in a file, a setup, a teardown.
for _, kind in ipairs { "failure", "error" } do
  busted.subscribe({ kind }, function(element)
    if element.descriptor ~= "it" then note("error", element) end
  end)
end

-- At once, for it may hang again before busted reports.
busted.subscribe({ "error", "it" }, function(_, _, message, trace)
  if tostring(message):find("interrupted!", 1, true) then
    print("\n" .. tostring(message) .. "\n" .. tostring(trace.traceback))
  end
end)

busted.subscribe({ "suite", "end" }, function() journal:write "end\t0\t\n" end)
