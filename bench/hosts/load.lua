-- load.lua HOST URL WHAT: one load (loads.lua) in the loop of a host, and a line with the
-- figures.

local host, url, what = arg[1], arg[2], arg[3]
local wsmanager = require "wsmanager"
local loads = dofile((arg[0]:gsub("load.lua$", "loads.lua")))

local function main ()
  local ws = assert(wsmanager.new {url = url})
  assert(ws:opened(60))
  print(loads[what](ws))
  os.exit(0)
end

local loops = {}

function loops.own () wsmanager.run(main) end

-- A game: the program is a coroutine, but for its frames.
function loops.game ()
  wsmanager.use {name = "a game"}
  if what == "frame" then return main() end
  wsmanager.spawn(main)
  while true do wsmanager.step(0) end
end

function loops.luv ()
  wsmanager.use "luv"
  wsmanager.spawn(main)
  require "luv".run()
end

function loops.select ()
  wsmanager.use "select"
  wsmanager.spawn(main)
  local select = require "wsmanager.host.select".select
  while true do select(nil, nil, 10) end
end

function loops.cqueues ()
  local controller = require "cqueues".new()
  controller:wrap(main)
  assert(controller:loop())
end

function loops.copas ()
  local copas = require "copas"
  wsmanager.use "copas"
  copas.addthread(main)
  copas.loop()
end

loops[host]()
