-- The words of a command line.

local connect = require "wsmanager.cli.connect"
local help = require "wsmanager.cli.help"
local options = require "wsmanager.cli.options"
local parse = require "wsmanager.cli.parse"

local function words(...) return parse.words({ ... }, "talk") end

describe("a command line", function()
  it("has options, long and short, joined and apart", function()
    assert.same({ "url", insecure = true, count = 5, header = { "A: b", "C: d" }, wait = 1.5 },
      words("-kc5", "--header=A: b", "url", "-H", "C: d", "--wait", "1.5"))
    assert.same({ "-x", wait = math.huge }, words("-w", "forever", "--", "-x"))
    assert.same({ "url", heartbeat = false }, words("url", "--heartbeat", "off"))
  end)

  it("that is wrong is told with what to do", function()
    local function wrong(expected, ...)
      local values, why = words(...)
      assert.is_nil(values)
      assert.equal(expected, why)
    end
    wrong("there is no --hedaer (did you mean --header?)", "--hedaer", "A: b")
    wrong("there is no -Q", "-kQ")
    wrong("--count wants a whole number from 1 on, not '0'", "--count", "0")
    wrong("--count wants a whole number from 1 on, not 'x'", "--count=x")
    wrong("-w wants a number from 0 on, or forever, not 'nan'", "-w", "nan")
    wrong("--header wants a value: --header 'NAME: VALUE'", "--header")
    wrong("--insecure takes no value", "--insecure=1")
    wrong("--color is auto, always, never, not 'red'", "--color", "red")
  end)

  it("has a URL that may be short", function()
    assert.equal("ws://localhost:8080/x", connect.url ":8080/x")
    assert.equal("ws://example.com", connect.url "example.com")
    assert.equal("wss://example.com", connect.url "wss://example.com")
  end)
end)

describe("the help", function()
  for name in pairs(options.commands) do
    it("of " .. name .. " begins with examples, and fits a terminal", function()
      local text = help.text(name)
      assert.is_true(text:find("# ", 1, true) < (text:find "\n  [-%s]-%-%-" or #text))
      for line in text:gmatch "[^\n]+" do assert.is_true(#line <= 100, line) end
      for _, group in ipairs(options.commands[name].groups) do
        for _, option in ipairs(options.groups[group]) do
          assert.truthy(text:find("--" .. option.name, 1, true), option.name)
        end
      end
    end)
  end

  it("has no short letter twice in a command", function()
    for name, command in pairs(options.commands) do
      local seen = {}
      for _, group in ipairs(command.groups) do
        for _, option in ipairs(options.groups[group]) do
          local short = option.short or option.name
          assert.is_nil(seen[short], name .. " -" .. short)
          seen[short] = true
        end
      end
    end
  end)
end)
