-- An HTTP endpoint that a WebSocket backend answers: all requests of a worker share one
-- connection, which outlives them and reconnects.

local wsmanager = require "wsmanager"
local ngx = rawget(_G, "ngx")

local STATUS = {timeout = 504, full = 503}

local answer = {}
local backend

-- For content_by_lua: the backend gets {id =, question =} and answers {id =, answer =}.
function answer.run (url)
  backend = backend or wsmanager.new {url = url, decode = "json", correlate = "id"}
  local reply, token, detail = backend:request({question = ngx.var.arg_q or ""}, 5)
  if reply then return ngx.say(reply.answer) end
  ngx.status = STATUS[token] or 502
  ngx.say(detail)
end

return answer
