-- What Linux alone has stands behind an #ifdef, with another way beside it: as far as
-- it can be seen on Linux. `make PORTABLE=1` builds with those other ways.

local files = require "support.files"

local HEADERS = {
  "^linux/", "^sys/epoll%.h", "^sys/eventfd%.h", "^sys/inotify%.h", "^sys/prctl%.h",
  "^sys/random%.h", "^sys/signalfd%.h", "^sys/syscall%.h", "^sys/timerfd%.h",
}
local FUNCTIONS = {
  "accept4", "epoll_", "eventfd", "getrandom", "inotify_", "pipe2", "prctl",
  "pthread_setname_np", "sendmmsg", "signalfd", "syscall", "timerfd_",
}

local function is_linux_header (name)
  for _, pattern in ipairs(HEADERS) do
    if name:find(pattern) then return true end
  end
  return false
end

-- Its lines that include what Linux alone has outside `#ifdef __linux__`.
local function bare_includes (path)
  local found, depth, linux = {}, 0, nil
  for line, number in files.lines(path) do
    local word, rest = line:match "^#%s*(%a+)%s*(.*)"
    if word == "if" or word == "ifdef" or word == "ifndef" then
      depth = depth + 1
      if rest == "__linux__" and word == "ifdef" then linux = linux or depth end
    elseif (word == "else" or word == "elif" or word == "endif") and linux == depth then
      linux = nil
    elseif word == "include" and not linux and is_linux_header(rest:match "^<(.-)>" or "") then
      found[#found + 1] = path .. ":" .. number
    end
    if word == "endif" then depth = depth - 1 end
  end
  return found
end

-- The functions that this build takes from the system and Linux alone has.
local function linux_functions (module)
  local pipe = assert(io.popen("nm -D --undefined-only '" .. module .. "'"))
  local found, count = {}, 0
  for name in pipe:read "*a":gmatch "U ([%w_]+)" do
    count = count + 1
    for _, start in ipairs(FUNCTIONS) do
      if name:find(start, 1, true) == 1 then found[#found + 1] = name end
    end
  end
  pipe:close()
  assert(count > 100, "nm shows nothing of " .. module)
  return table.concat(found, " ")
end

describe("what Linux alone has", function ()
  it("is included for Linux alone", function ()
    for _, ending in ipairs {".c", ".h"} do
      for _, path in ipairs(files.below({"src"}, ending)) do
        assert.same({}, bare_includes(path))
      end
    end
  end)

  it("is used, and not by a build for other systems", function ()
    local module = assert(files.module "wsmanager.core")
    local found = linux_functions(module)
    if module:find("-portable/", 1, true) then
      assert.equal("", found)
    else
      assert.matches("accept4", found)
      assert.matches("timerfd_create", found)
    end
  end)
end)
