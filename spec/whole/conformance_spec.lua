-- Every case of the well-known fuzzing suite, in the strict reading and with the
-- close clean, against our client and our server. CONFORMANCE=table prints a
-- line for each case; CONFORMANCE=full takes the suite's own times and counts.
-- Runs once: framing is C, the same under each Lua.

local echoes = require "support.echoes"
local peers = require "support.peers"

local asked = os.getenv("CONFORMANCE") or ""
local rules = asked == "full" and { pause = 1, patience = 1, share = 1 }
  or { pause = 0.15, patience = 60, drop = 30, share = 0.1 }

-- The fuzzer waits half as long for the end of TCP: what ends only because our
-- own time was over is late, on any machine.
local timeouts = { close = 60 }

-- what, which cases, how many they are, how many at once, which not; compress
local groups = {
  { "frames messages of every length", "^1%.", 16, 8 },
  { "answers pings and takes pongs", "^2%.", 11, 8 },
  { "refuses reserved bits", "^3%.", 7, 8 },
  { "refuses reserved opcodes", "^4%.", 10, 8 },
  { "puts fragments together, and no others", "^5%.", 20, 8 },
  { "takes UTF-8 in whatever fragments", "^6%.[12]%.", 7, 8 },
  { "refuses what is not UTF-8 in whatever fragments", "^6%.3%.", 2, 8 },
  { "refuses it before the message is whole", "^6%.4%.", 4, 4 },
  { "tells UTF-8 from what is not", "^6%.%d%d?%.", 132, 8, "^6%.[1-4]%." },
  { "closes cleanly", "^7%.[1-5]%.", 13, 8 },
  { "echoes legal close codes", "^7%.7%.", 13, 8 },
  { "refuses illegal close codes", "^7%.1?[39]%.", 11, 8, "^7%.3%." },
  { "echoes up to 16 MiB in one frame", "^9%.[12]%.", 12, 1 },
  { "echoes 4 MiB in many frames", "^9%.[34]%.", 18, 2 },
  { "echoes 1 MiB in small pieces", "^9%.[56]%.", 12, 2 },
  { "echoes again and again", "^9%.[78]%.", 12, 2 },
  { "echoes what was fragmented automatically", "^10%.", 1, 1 },
  { "compresses every kind of data", "^12%.", 90, 4, compress = true },
  { "agrees on every compression", "^13%.", 126, 4, compress = true },
  { "agrees on a window of 8", "^13%.[357]%.[1-9]$", 27, 4, compress = true,
    window = 8 },
}

-- A case's line in the table.
local function describe_verdict(v)
  return ("%-8s %-13s close %-16s %-7s tcp %-6s %4s ms  %s"):format(v.case,
    v.behavior, v.close, v.clean and "clean" or "unclean", v.tcp or "-",
    v.ms or "-", v.detail)
end

-- An empty close frame is answered by an empty one: 7.3.1.
local function is_perfect(v)
  return v.behavior == "OK" and v.close == "OK" and v.clean and v.tcp == "fin"
    and (v.code or v.case == "7.3.1")
end

local function imperfect(verdicts)
  local list = {}
  for _, v in ipairs(verdicts) do
    if asked == "table" then print(describe_verdict(v)) end
    if not is_perfect(v) then list[#list + 1] = describe_verdict(v) end
  end
  return list
end

-- What the fuzzer is told; compressing takes it long, so it does less of it.
local function told(group, more)
  local all = { window = group.window }
  for name, value in pairs(rules) do all[name] = value end
  for name, value in pairs(more or {}) do all[name] = value end
  if group.compress and asked ~= "full" then all.share = 0.005 end
  return all
end

local function verdicts_among(events)
  local list = {}
  for _, event in ipairs(events) do
    if event.event == "verdict" then list[#list + 1] = event end
  end
  return list
end

-- Our client visits the fuzzer.
local function as_client(group, ids)
  local fuzzer = peers.start("conformance", told(group))
  local urls = {}
  for i, id in ipairs(ids) do
    urls[i] = "ws://127.0.0.1:" .. fuzzer.port .. "/" .. id
  end
  echoes.visit(urls, group[4], { compress = group.compress, timeouts = timeouts })
  for _ = 1, #ids do assert(fuzzer:event()) end
  return verdicts_among(fuzzer:events())
end

-- The fuzzer visits our server.
local function as_server(group, ids)
  local server = echoes.serve { compress = group.compress, timeouts = timeouts }
  local fuzzer = peers.start("conformance", told(group, {
    connect = { port = server.port }, cases = ids, parallel = group[4] }))
  local events = echoes.until_said(fuzzer, "done")
  server:stop(1)
  return verdicts_among(events)
end

describe("conformance", function()
  local all

  setup(function()
    all = peers.start("conformance", { list = true }):wait()[1].ids
  end)
  after_each(peers.stop)

  local function select_cases(pattern, but)
    local ids = {}
    for _, id in ipairs(all) do
      if id:find(pattern) and not (but and id:find(but)) then
        ids[#ids + 1] = id
      end
    end
    return ids
  end

  it("has 517 cases", function()
    assert.equal(517, #all)
    local n = 0
    for _, group in ipairs(groups) do
      if not group.window then n = n + group[3] end
    end
    assert.equal(517, n)
  end)

  for role, run in pairs { client = as_client, server = as_server } do
    describe("of our " .. role, function()
      for _, group in ipairs(groups) do
        it(group[1], function()
          local ids = select_cases(group[2], group[5])
          assert.equal(group[3], #ids)
          local verdicts = run(group, ids)
          assert.equal(#ids, #verdicts)
          assert.same({}, imperfect(verdicts))
        end)
      end
    end)
  end
end)
