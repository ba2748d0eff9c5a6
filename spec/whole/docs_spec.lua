-- The documents: what they name and link to is there, and the README stays short.
-- Runs once: it reads files, the same under each Lua.

local documents = require "support.documents"
local files = require "support.files"
local layers = require "support.layers"

local roots = {}
for _, name in ipairs { "bench", "docs", "examples", "fuzz", "lua", "scripts", "spec", "src" } do
  roots[name] = true
end

-- Is there a file or folder of this path, or a spec: `tls/verify`?
local function exists(path)
  for _, name in ipairs { path, "spec/" .. path .. "_spec.lua" } do
    local file = io.open(name)
    if file then
      file:close()
      return true
    end
  end
  return false
end

-- Every path of this tree in a text: `root/...`, however it is quoted.
local function paths(text)
  local found = {}
  for before, path in text:gmatch("([^%w_./]?)(%l+/[%w_./-]*)") do
    local root = path:match("^%l+")
    if before ~= "" and roots[root] then found[#found + 1] = (path:gsub("[./]+$", "")) end
  end
  return found
end

describe("the documents", function()
  it("name folders and files that exist", function()
    local wrong, seen = {}, 0
    for _, name in ipairs(documents.all()) do
      for _, path in ipairs(paths(files.read(name))) do
        seen = seen + 1
        if not exists(path) then wrong[#wrong + 1] = name .. ": " .. path end
      end
    end
    assert.is_true(seen > 50)
    assert.same({}, wrong)
  end)

  it("quote the results for idle connections", function()
    local results = files.read("bench/results.md")
    local seen = 0
    for row in files.read("docs/explanation/performance.md"):gmatch("\n(| [%d,]+ | %d+ | %d+ |)") do
      seen = seen + 1
      assert.truthy(results:find("\n" .. row, 1, true), row)
    end
    assert.is_true(seen > 0)
  end)

  it("name specs that exist", function()
    local wrong, seen = {}, 0
    for path in files.read("docs/explanation/security.md"):gmatch("`(%l+/[%w_/]+)`") do
      seen = seen + 1
      if not exists(path) then wrong[#wrong + 1] = path end
    end
    assert.is_true(seen > 50)
    assert.same({}, wrong)
  end)

  it("have each folder in the tree of the architecture", function()
    local text, wrong = files.read("docs/explanation/architecture.md"), {}
    for _, rule in ipairs(layers.order) do
      if not text:find(rule[1], 1, true) then wrong[#wrong + 1] = rule[1] end
    end
    assert.same({}, wrong)
  end)

  it("link to files and headings that exist", function()
    local wrong, seen, anchors = {}, 0, {}
    local function has_anchor(path, anchor)
      anchors[path] = anchors[path] or documents.anchors(files.read(path))
      return anchors[path][anchor]
    end
    for _, name in ipairs(documents.all()) do
      for _, link in ipairs(documents.links(files.read(name))) do
        seen = seen + 1
        local target, anchor = link:match "^([^#]*)#?(.*)$"
        local path = target == "" and name or documents.resolve(name, target)
        if not link:find "^https?://" and (not path or not exists(path)
          or anchor ~= "" and not has_anchor(path, anchor)) then
          wrong[#wrong + 1] = name .. ": " .. link
        end
      end
    end
    assert.is_true(seen > 100)
    assert.same({}, wrong)
  end)

  it("have no Lua that is not run: none in an indented block", function()
    local wrong = {}
    for _, name in ipairs(documents.all()) do
      local is_reference = name:find "^docs/reference/"       -- signatures
      for _, line in ipairs(is_reference and {} or documents.indented(files.read(name))) do
        if line:find "^%s+local " or line:find "function ?%(" or line:find "^%s+ws:%a+ ?[({\"]" then
          wrong[#wrong + 1] = name .. ": " .. line
        end
      end
    end
    assert.same({}, wrong)
  end)
end)

describe("the README", function()
  it("has at most 200 lines", function()
    local lines = 0
    for _ in files.lines "README.md" do lines = lines + 1 end
    assert.is_true(lines <= 200, lines .. " lines")
  end)

  it("quotes the last run of the bench", function()
    local speed = files.read "README.md":match "\n## Speed\n(.-)\n## "
    local results, seen = files.read "bench/results.md", 0
    for figure in speed:gmatch "%*%*(.-)%*%*" do
      seen = seen + 1
      assert.truthy(results:find("| " .. figure, 1, true), figure)
    end
    assert.is_true(seen >= 3)
  end)
end)
