-- How many there are in a chat's server: rooms, who is there, connections.
-- Depends on nothing. Never changes what it counts.

local census = {}

local function count (map)
  local n = 0
  for _ in pairs(map) do n = n + 1 end
  return n
end

-- { rooms, users (there now), connections, subscriptions: the rooms of all connections }
function census.of (server)
  local connections, subscriptions = 0, 0
  for _, devices in pairs(server.members) do
    for _, member in ipairs(devices) do
      connections = connections + 1
      subscriptions = subscriptions + count(member.rooms)
    end
  end
  return {
    rooms = count(server.rooms.all), users = count(server.members),
    connections = connections, subscriptions = subscriptions,
  }
end

-- How many of a room's members are there now.
local function count_present (server, room)
  local n = 0
  for _, uid in ipairs(room.members) do
    if server.members[uid] then n = n + 1 end
  end
  return n
end

-- Of the rooms by name those behind the first `skip`, at most `take`, each as { name,
-- members, present }; and how many there are in all. `word`: only those whose name has it.
function census.rooms (server, skip, take, word)
  local names, page = {}, {}
  for name in pairs(server.rooms.all) do
    if not word or name:find(word, 1, true) then names[#names + 1] = name end
  end
  table.sort(names)
  for i = skip + 1, math.min(skip + take, #names) do
    local room = server.rooms.all[names[i]]
    page[#page + 1] = {
      name = room.name, members = #room.members, present = count_present(server, room),
    }
  end
  return page, #names
end

return census
