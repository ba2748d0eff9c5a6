-- Peers that break the rules of an open connection, over real sockets, against
-- our client and our server: the close code on the wire, the token and the
-- detail that a program hears, and that nothing stays behind. Every fault comes
-- in one piece and again byte by byte.
-- Runs once: C, the same under each Lua.

local core = require "wsmanager.core"
local echoes = require "support.echoes"
local ours = require "support.ours"
local peers = require "support.peers"
local turns = require "support.turns"
local wsmanager = require "wsmanager"

local await = ours.await

local function f(opcode, hex, how) return { "frame", opcode, hex, how } end
local function raw(hex) return { "raw", hex } end
local function mismasked(opcode, hex) return { "mismasked", opcode, hex } end

local x = "78"
local beginning = f(1, x, { fin = false })
local open_binary = f(2, x, { fin = false })

-- name, close code, token, what the detail says, steps
local faults = {
  { "RSV1 without compression", 1002, "protocol", "RSV1", f(1, x, { rsv = 4 }) },
  { "RSV2", 1002, "protocol", "reserved bit", f(2, x, { rsv = 2 }) },
  { "RSV3", 1002, "protocol", "reserved bit", f(1, x, { rsv = 1 }) },
  { "RSV1 on a ping", 1002, "protocol", "RSV1", f(9, x, { rsv = 4 }) },
  { "RSV1 on a close", 1002, "protocol", "RSV1", f(8, "03e8", { rsv = 4 }) },
  { "RSV1 on a continuation", 1002, "protocol", "RSV1", beginning,
    f(0, x, { rsv = 4 }) },
  { "RSV2 in the middle", 1002, "protocol", "reserved bit", beginning,
    f(0, x, { rsv = 2, fin = false }) },
  { "wrong masking of a text", 1002, "protocol", "masked", mismasked(1, x) },
  { "wrong masking of nothing", 1002, "protocol", "masked", mismasked(2, "") },
  { "wrong masking of a ping", 1002, "protocol", "masked", mismasked(9, x) },
  { "wrong masking of a close", 1002, "protocol", "masked",
    mismasked(8, "03e8") },
  { "125 bytes with 16 bits of length", 1002, "protocol", "not minimal",
    raw "827e007d" },
  { "none with 16 bits of length", 1002, "protocol", "not minimal",
    raw "817e0000" },
  { "65535 bytes with 64 bits of length", 1002, "protocol", "not minimal",
    raw "827f000000000000ffff" },
  { "length bit 63", 1002, "protocol", "too long", raw "827f8000000000000000" },
  { "all length bits", 1002, "protocol", "too long", raw "817fffffffffffffffff" },
  { "63 bits of length", 1009, "toobig", "limit", raw "827f7fffffffffffffff" },
  { "a byte over 16 MiB", 1009, "toobig", "16777217", raw "827f0000000001000001" },
  { "over 16 MiB in the second fragment", 1009, "toobig", "16777217",
    open_binary, raw "807f0000000001000000" },
  { "a ping of 126 bytes", 1002, "protocol", "125", f(9, x:rep(126)) },
  { "a pong of 126 bytes", 1002, "protocol", "125", f(10, x:rep(126)) },
  { "a ping of 65536 bytes", 1002, "protocol", "125",
    raw "897f0000000000010000" },
  { "a close of 126 bytes", 1002, "protocol", "125",
    f(8, "03e8" .. x:rep(124)) },
  { "a ping in fragments", 1002, "protocol", "fragmented",
    f(9, x, { fin = false }) },
  { "a close in fragments", 1002, "protocol", "fragmented",
    f(8, "03e8", { fin = false }) },
  { "a continuation of nothing", 1002, "protocol", "continues no",
    f(0, x) },
  { "a text inside a text", 1002, "protocol", "inside another", beginning,
    f(1, x) },
  { "a binary inside an empty text", 1002, "protocol", "inside another",
    f(1, "", { fin = false }), f(2, x) },
  { "half a close code", 1002, "protocol", "half a close code", f(8, "03") },
  { "a reason that is not UTF-8", 1007, "protocol", "not UTF%-8",
    f(8, "03e8eda080") },
  { "a reason that ends in a code point", 1007, "protocol", "not UTF%-8",
    f(8, "03e8e282") },
  { "a close in the middle of a text", 1000, nil, "^$", beginning,
    f(8, "03e8") },
  { "data after the close", 1000, nil, "^$", f(8, "03e8"),
    f(1, x), f(9, x), f(8, "03e9") },
  { "nonsense after the close", 1000, nil, "^$", f(8, "03e8"),
    raw "ffff0102", mismasked(7, "ff") },
}

for _, opcode in ipairs { 3, 4, 5, 6, 7, 11, 12, 13, 14, 15 } do
  faults[#faults + 1] = { "opcode " .. opcode, 1002, "protocol",
                          ("0x%X"):format(opcode), f(opcode, x) }
end

for _, code in ipairs { 0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000,
                        65535 } do
  faults[#faults + 1] = { "close code " .. code, 1002, "protocol",
    "code " .. code, f(8, ("%04x"):format(code)) }
end

-- A surrogate, out of range, overlong, a lost tail: each split everywhere.
for _, hex in ipairs { "61eda080", "f4908080", "61c0af62", "61e28261" } do
  for at = 0, #hex, 2 do
    faults[#faults + 1] = { hex .. " split at " .. at / 2, 1007, "protocol",
      "not UTF%-8", f(1, hex:sub(1, at), { fin = false }),
      f(0, hex:sub(at + 1)) }
  end
end

-- With compression agreed on. f248cdc9c90700 is "Hello" (RFC 7692 7.2.3.1).
local first = #faults + 1
local packed = { rsv = 4 }
for _, row in ipairs {
  { "RSV1 on a compressed continuation", 1002, "protocol", "RSV1",
    f(1, "f248cd", { rsv = 4, fin = false }), f(0, "c9c90700", packed) },
  { "RSV1 on a ping beside compression", 1002, "protocol", "RSV1",
    f(9, x, packed) },
  { "RSV1 and RSV2", 1002, "protocol", "reserved bit",
    f(1, "f248cdc9c90700", { rsv = 6 }) },
  { "nonsense for DEFLATE", 1007, "protocol", "does not inflate", f(2, "ffffff", packed) },
  { "half of a compressed message", 1007, "protocol", "does not inflate",
    f(1, "f248cd", packed) },
  { "compressed text that is not UTF-8", 1007, "protocol", "not UTF%-8",
    f(1, "000200fdffc32800", packed) },
  { "text that is not UTF-8, compressed, and more to come", 1007, "protocol",
    "not UTF%-8", f(1, "000200fdffc32800", { rsv = 4, fin = false }) },
  { "a bomb one byte over 16 MiB", 1009, "toobig", "limit",
    { "bomb", 16777217 } },
  { "a bomb of 64 MiB", 1009, "toobig", "limit", { "bomb", 67108864 } },
} do
  faults[#faults + 1] = row
end

local function to_cases(chop)
  local cases = {}
  for i, row in ipairs(faults) do
    cases[i] = { id = ("%d.%d"):format(i, chop), code = row[2], chop = chop,
                 steps = {}, compress = i >= first }
    local at = 5 -- # may stop at the nil before
    while row[at] do
      cases[i].steps[at - 4] = row[at]
      at = at + 1
    end
  end
  return cases
end

-- The fuzzer waits half as long for the end of TCP as we would.
local options = { compress = true, timeouts = { close = 60 } }
local PATIENCE, DROP = 60, 30

local function as_client(cases)
  local fuzzer = peers.start("conformance", { made = cases, patience = PATIENCE,
                                             drop = DROP })
  local urls = {}
  for i, case in ipairs(cases) do
    urls[i] = ("ws://127.0.0.1:%d/%s"):format(fuzzer.port, case.id)
  end
  local endings, verdicts = echoes.visit(urls, 8, options), {}
  for _ = 1, #cases do
    local verdict = fuzzer:event()
    verdicts[verdict.case] = verdict
  end
  fuzzer:stop()
  return endings, verdicts
end

local function as_server(cases)
  local server, by_path = echoes.serve(options)
  local ids, endings, verdicts = {}, {}, {}
  for i, case in ipairs(cases) do ids[i] = case.id end
  local fuzzer = peers.start("conformance", { made = cases, patience = PATIENCE,
    drop = DROP, cases = ids, connect = { port = server.port } })
  for _, event in ipairs(echoes.until_said(fuzzer, "done")) do
    if event.case then verdicts[event.case] = event end
  end
  fuzzer:stop()
  server:stop(5)
  for i, case in ipairs(cases) do endings[i] = by_path["/" .. case.id] end
  return endings, verdicts
end

describe("a hostile peer", function()
  after_each(peers.stop)

  for role, run in pairs { client = as_client, server = as_server } do
    for chop, how in pairs { [0] = "whole", [1] = "byte by byte" } do
      describe("of our " .. role .. ", " .. how .. ",", function()
        local endings, verdicts
        local cases = to_cases(chop)

        setup(function() endings, verdicts = run(cases) end)

        for i, row in ipairs(faults) do
          it("is told " .. row[2] .. " for " .. row[1], function()
            local v, ending = verdicts[cases[i].id], endings[i]
            assert.same({ "OK", "OK", true, row[2], "fin" },
              { v.behavior, v.close, v.clean, v.code, v.tcp }, v.detail)
            assert.equal(row[3], ending.token, ending.detail)
            assert.matches(row[4], ending.detail or "")
            assert.equal(row[2], ending.code)
            assert.equal(row[2] == 1000, ending.clean)
          end)
        end
      end)
    end

    -- The pool of spare blocks may hold one more or less; a block for each
    -- connection would be many. A socket is closed in the turn after its end,
    -- and the end of the last one may be still to come.
    it("leaves nothing behind with our " .. role, function()
      local blocks, descriptors
      for _ = 1, 3 do
        run(to_cases(0))
        wsmanager.step(0)
        collectgarbage()
        collectgarbage()
        blocks = blocks or core.memory().blocks
        descriptors = descriptors or turns.descriptors()
      end
      await(function() return turns.descriptors() <= descriptors end)
      assert.is_true(core.memory().blocks < blocks + #faults / 4)
    end)
  end
end)
