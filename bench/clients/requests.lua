-- requests.lua URL INFLIGHT REQUESTS: asks by ws:request, from so many coroutines at
-- once, a server that sends each message back, which is the answer.
-- Depends on wsmanager and lua-cjson.
-- Never measures the first tenth.

local wsmanager = require "wsmanager"

local url, inflight, requests = arg[1], tonumber(arg[2]), tonumber(arg[3])
local from, cpu

local function begin () from, cpu = wsmanager.now(), os.clock() end

wsmanager.run(function ()
  local ws = wsmanager.new {url = url, decode = "json", correlate = "id", reconnect = false}
  assert(ws:opened(10))
  local warm, asked, answered = math.floor(requests / 10), 0, 0
  local tasks = {}
  local function ask ()
    while asked < requests do
      asked = asked + 1
      local message = {method = "add", a = 2, b = 3, text = "a message as bots ask it"}
      assert(ws:request(message, 60))
      answered = answered + 1
      if answered == warm then begin() end
    end
  end
  for i = 1, inflight do tasks[i] = wsmanager.spawn(ask) end
  for i = 1, inflight do assert(tasks[i]:join(80)) end
  print(('{"requests": %d, "seconds": %.6f, "cpu": %.6f}')
        :format(answered - warm, wsmanager.now() - from, os.clock() - cpu))
  ws:close()
end)
