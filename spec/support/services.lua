-- The scripted services of examples/gateways/: discord.js, slack.js, twitch.js.

local wsmanager = require "wsmanager"

local services = {}

function services.url (service, path)
  return "http://127.0.0.1:" .. service.port .. path
end

-- Has the service do what its script has under that name.
function services.tell (service, what, more)
  local body = {["do"] = what}
  for key, value in pairs(more or {}) do body[key] = value end
  local response = assert(wsmanager.fetch(services.url(service, "/script"), {json = body}))
  assert(response.status == 204, response.body)
end

-- That field of all events of a name so far, where `only` is given those that equal it.
function services.all (service, name, field, only)
  local found = {}
  for _, event in ipairs(service:events()) do
    if event.event == name and (only == nil or event[field] == only) then
      found[#found + 1] = event[field]
    end
  end
  return found
end

return services
