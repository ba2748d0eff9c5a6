local json = require "support.json"
if not json.is_there "a chat's history in SQLite" then return end

local sqlite = require "wsmanager.chat.sqlite_history"
local histories = require "support.histories"

local has_luasql = pcall(require, "luasql.sqlite3")
local it_needs_luasql = has_luasql and it or pending

describe("a history in SQLite", function ()
  local files = {}

  local function file ()
    local name = os.tmpname()
    os.remove(name)
    files[#files + 1] = name
    return name
  end

  local function open (options)
    options.file = options.file or file()
    return assert(sqlite(options))
  end

  after_each(function ()
    for _, name in ipairs(files) do
      for _, ending in ipairs { "", "-wal", "-shm" } do
        os.remove(name .. ending)
      end
    end
    files = {}
  end)

  if has_luasql then histories.keeps_the_contract(open) end

  local function add (history, id)
    return history:append("a", "7", id, function (seq) return "t" .. seq, "text" end)
  end

  it_needs_luasql("survives", function ()
    local name = file()
    local one = open { file = name }
    add(one, "x")
    add(one, "y")
    one:mark("a", "42", "received", 1)
    local id = one.id
    one:close()
    local other = open { file = name, sync = true }
    assert.is_true(other.durable)
    assert.equal(id, other.id)
    assert.same({ 1, 2 }, { other:range "a" })
    assert.equal("t1", other:after("a", 0, 1)[1].data)
    assert.same({ 1, false }, { add(other, "x").seq, select(2, add(other, "x")) })
    assert.equal(3, add(other, "z").seq)
    assert.same({ ["42"] = { received = 1, read = 0 } }, other:marks "a")
    other:close()
  end)

  it_needs_luasql("goes on numbering when all was forgotten", function ()
    local name = file()
    local one = open { file = name, messages = 2 }
    for at = 1, 5 do add(one, tostring(at)) end
    one.connection:execute "DELETE FROM chat_message"
    one:close()
    local other = open { file = name }
    assert.same({ 6, 5 }, { other:range "a" })
    assert.equal(6, add(other, "x").seq)
    other:close()
  end)

  it_needs_luasql("returns a failure for what is no such file", function ()
    local name = file()
    local handle = assert(io.open(name, "w"))
    handle:write(("this is no database. "):rep(100))
    handle:close()
    local history, token, why = sqlite { file = name }
    assert.same({ nil, "refused" }, { history, token })
    assert.matches("not a database", why)
    history, token, why = sqlite { file = "/no/such/folder/chat.db" }
    assert.same({ nil, "refused" }, { history, token })
    assert.matches("^/no/such/folder/chat%.db: ", why)
  end)

  it_needs_luasql("returns a failure for a file of another version", function ()
    local name = file()
    local one = open { file = name }
    one.connection:execute "PRAGMA user_version = 99"
    one:close()
    local history, token, why = sqlite { file = name }
    assert.same({ nil, "refused" }, { history, token })
    assert.matches("the file is of version 99, this is 1$", why)
  end)

  it_needs_luasql("answers full when it is closed", function ()
    local history = open {}
    add(history, "x")
    history:close()
    history:close()
    for _, found in ipairs {
      { add(history, "y") }, { history:after("a", 0, 1) }, { history:marks "a" },
      { history:mark("a", "7", "read", 1) }, { history:unread("a", "7") },
    } do
      assert.same({ nil, "full", "the history: it is closed" },
        { found[1], found[2], found[3] })
    end
  end)

  it_needs_luasql("raises at its caller's line for wrong options", function ()
    for why, given in pairs {
      ["bad option 'file' (string expected, got nil)"] = {},
      ["unknown option 'fil' (did you mean 'file'?)"] = { fil = "x" },
      ["bad option 'sync' (boolean expected, got number)"] =
        { file = "x", sync = 1 },
    } do
      local ok, found = pcall(function () sqlite(given) end)
      assert.is_false(ok)
      assert.matches("sqlite_history_spec%.lua:%d+: ", found)
      assert.equal(why, (found:gsub("^[^\n]-:%d+: ", "")))
    end
  end)

  it("says what to install where LuaSQL is missing", function ()
    local loaded, preload = package.loaded["luasql.sqlite3"], package.preload
    package.loaded["luasql.sqlite3"] = nil
    preload["luasql.sqlite3"] = function () error "not found" end
    local ok, why = pcall(function () sqlite { file = "x" } end)
    preload["luasql.sqlite3"] = nil
    package.loaded["luasql.sqlite3"] = loaded
    assert.is_false(ok)
    assert.matches("sqlite_history_spec%.lua:%d+: a history in SQLite needs "
      .. "LuaSQL %(Debian.*apt%-get install lua%-sql%-sqlite3", why)
  end)
end)
