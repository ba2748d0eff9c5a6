io.stdout:setvbuf "line" -- a crash leaves what was said before it
dofile "scripts/modules.lua"
require "busted.runner" { standalone = false }
