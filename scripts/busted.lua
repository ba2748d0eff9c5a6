io.stdout:setvbuf "line" -- a crash leaves what was said before it
require "busted.runner" { standalone = false }
