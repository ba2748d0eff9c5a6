-- Errors of the program as lines of nginx's log.
-- Depends on ngx.log.

local report = require "wsmanager.base.report"

local ngx = rawget(_G, "ngx")

local LINE = 1500         -- bytes: nginx cuts a line of its log at 2048

local nginx_log = {}

local function write (text, is_error)
  for from = 1, #text, LINE do
    ngx.log(is_error and ngx.ERR or ngx.WARN, text:sub(from, from + LINE - 1))
  end
end

-- Outside of nginx they stay on stderr.
function nginx_log.begin ()
  if ngx then report.set_writer(write) end
end

return nginx_log
