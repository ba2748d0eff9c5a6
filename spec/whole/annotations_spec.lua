-- The strict reader of annotations: what an editor would read otherwise than it is meant
-- is a fault.
-- Runs once: it reads text, the same under each Lua.

package.path = "scripts/?.lua;" .. package.path

local annotations = require "reference.annotations"
local facts = require "reference.facts"
local types = require "reference.types"

-- What is annotated in a file of this text, and the faults without their places.
local function read(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  local db = annotations.read { path }
  os.remove(path)
  for i, fault in ipairs(db.faults) do db.faults[i] = fault:gsub("^.-:(%d+): ", "%1: ") end
  return db
end

local function faults(text) return read(text).faults end

describe("a type", function()
  it("is shown as it was written", function()
    for _, text in ipairs {
      "string", "string?", "integer[]", "(string|number)[]", "\"text\"|\"binary\"", "false",
      "table<string, string[]>", "fun(a: any, b?: string, ...): boolean, string?",
      "{code: integer?, [string]: any}", "string|number|nil", "a.b.C", "-1|2",
    } do
      assert.equal(text, types.show((types.read(text))))
    end
  end)

  it("ends where the text begins", function()
    local _, rest = types.read "string|false  what it is: \"x\""
    assert.equal("  what it is: \"x\"", rest)
    local of
    of, rest = types.read "fun(): any, string next  more"
    assert.equal("fun(): any, string", types.show(of))
    assert.equal(" next  more", rest)
  end)

  it("is refused where it is none", function()
    for text, why in pairs {
      ["fun(a"] = "')' expected at ''", ["string|"] = "a type expected at ''",
      ["table<string"] = "'>' expected at ''", ["{a: }"] = "a type expected at ' }'",
      ["?"] = "a type expected at '?'", ["{a string}"] = "':' expected at ' string}'",
    } do
      local ok, message = pcall(types.read, text)
      assert.is_false(ok)
      assert.equal(why, message)
    end
  end)
end)

describe("the reader of annotations", function()
  it("knows classes, their parents and fields", function()
    local db = read [[
--- What it is.
---@class a.B: a.A, a.C
---@field one string  the first
---
--- The second, at length.
--- Default: none.
---@field two? number|false
---@field [1] any  the third
local B = {}
]]
    assert.same({}, db.faults)
    local class = db.classes["a.B"]
    assert.equal(2, #class.parents)
    assert.same({ "one", "two", "[1]" },
      { class.fields[1].name, class.fields[2].name, class.fields[3].name })
    assert.is_true(class.fields[2].optional)
    assert.equal("the first", (facts.of(class.fields[1].text, class.fields[1].remark)))
    local text, told = facts.of(class.fields[2].text, class.fields[2].remark)
    assert.equal("The second, at length.", text)
    assert.equal("none", told.default)
  end)

  it("knows whose a function is, its parameters and results", function()
    local db = read [[
---@class a.B
local B = {}

--- Does it.
---@param x string  which
---@param ... any  more
---@return true|nil done
---@return string? why  not
function B:act (x, ...)
end

B.twice = other.twice
]]
    assert.same({}, db.faults)
    local entry = db.functions[1]
    assert.same({ "a.B", "act" }, { entry.class, entry.method })
    assert.same({ "x", "..." }, entry.declared)
    assert.same({ "done", "why" }, { entry.returns[1].name, entry.returns[2].name })
    assert.equal("not", entry.returns[2].remark)
    assert.same({ class = "a.B", method = "twice", target = "other.twice",
      path = db.assigned[1].path }, db.assigned[1])
  end)

  it("knows aliases with values, one a line", function()
    local db = read [[
---@alias a.Word
---| "one"  # the first
---| "two"
---@alias a.Fn fun(x: any): boolean
local _
]]
    assert.same({}, db.faults)
    assert.equal(2, #db.aliases["a.Word"].values)
    assert.equal("the first", db.aliases["a.Word"].values[1].remark)
    assert.equal("fun(x: any): boolean", types.show(db.aliases["a.Fn"].type))
  end)

  it("says what is wrong, and where", function()
    assert.same({ "1: there is no tag @filed" }, faults "---@filed x string\nlocal _")
    assert.same({ "1: a field without a class" }, faults "---@field x string\nlocal _")
    assert.same({ "2: a field needs a name and a type" },
      faults "---@class a.B\n---@field x\nlocal _")
    assert.same({ "2: one tag a line" },
      faults "---@class a.B\n---@field x string  ---@field y string\nlocal _")
    assert.same({ "1: a type expected at ''" }, faults "---@param x string|\nlocal _")
    assert.same({ "1: a space is missing behind the type: ', text'" },
      faults "---@param x string, text\nlocal _")
    assert.same({ "2: '# text' expected behind a value" },
      faults "---@alias a.B\n---| \"x\" text\nlocal _")
    assert.same({ "1: a value without an alias" }, faults "---| \"x\"\nlocal _")
    assert.same({ "1: a class needs a name" }, faults "---@class\nlocal _")
  end)

  it("notes text behind a parameter, which an editor shows elsewhere", function()
    local db = read "--- Does it.\n---@param x string  which\n---  and more\nfunction f (x) end\n"
    assert.equal(3, db.functions[1].late)
  end)
end)

describe("the annotations of the core", function()
  it("are read without a fault, as those in lua/ are", function()
    assert.same({}, annotations.read({ "src/lua/core.lua" }).faults)
  end)
end)

describe("the facts of a text", function()
  it("are its last lines", function()
    local text, told = facts.of({
      "", "Some text. With Source: no fact.",
      "Unit: part of it, 0 to 1. Default: \"GET\", with a body \"POST\".",
      "Source: RFC 6455 5.5.2; RFC 9110 9.",
    })
    assert.equal("Some text. With Source: no fact.", text)
    assert.same({
      unit = "part of it, 0 to 1", default = "\"GET\", with a body \"POST\"",
      source = "RFC 6455 5.5.2; RFC 9110 9",
    }, told)
  end)
end)
