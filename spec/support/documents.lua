-- The documents: README.md, CONTRIBUTING.md and all pages of docs/, as they lie there;
-- their links, their anchors, and the Lua programs in them.

local files = require "support.files"

local documents = {}

-- The paths of all of them.
function documents.all ()
  local all = files.below({"docs"}, ".md")
  for _, path in ipairs {"README.md", "CONTRIBUTING.md", "examples/gateways/README.md"} do
    table.insert(all, path)
  end
  return all
end

-- The lines of a document that are prose, and those of its indented blocks: none of a
-- fenced one.
local function split (text)
  local lines, indented, fence, before = {}, {}, nil, ""
  for line in (text .. "\n"):gmatch "(.-)\n" do
    local mark = line:match "^%s*(```+)"
    if fence then
      if mark == fence then fence = nil end
    elseif mark then
      fence = mark
    elseif line:find "^    " and not before:find "%S" or indented[1] and indented.last == before
      and line:find "^    " then
      table.insert(indented, line)
      indented.last = line
    else
      table.insert(lines, line)
    end
    before = line
  end
  indented.last = nil
  return lines, indented
end

local function prose (text) return (split(text)) end

function documents.indented (text) return select(2, split(text)) end

-- The anchors of a document, as GitHub makes them of its headings.
function documents.anchors (text)
  local anchors = {}
  for _, line in ipairs(prose(text)) do
    local title = line:match "^#+ +(.-)%s*$"
    if title then
      local anchor = title:gsub("%[(.-)%]%b()", "%1"):lower()
        :gsub("[^%w%s_\128-\255-]", ""):gsub("%s", "-")
      local name, n = anchor, 0
      while anchors[name] do
        n = n + 1
        name = anchor .. "-" .. n
      end
      anchors[name] = true
    end
  end
  return anchors
end

-- What a document links to, pictures included.
function documents.links (text)
  local links = {}
  for _, line in ipairs(prose(text)) do
    for link in line:gsub("`[^`]*`", ""):gmatch "%]%(([^)%s]+)[^)]*%)" do
      table.insert(links, link)
    end
  end
  return links
end

-- The path that a link of a document leads to.
function documents.resolve (from, link)
  local parts = {}
  for part in ((from:match "^(.*/)" or "") .. link):gmatch "[^/]+" do
    if part == ".." then
      if not table.remove(parts) then return nil end
    elseif part ~= "." then
      table.insert(parts, part)
    end
  end
  return table.concat(parts, "/")
end

-- The Lua programs of a document, in order: `code`, `line` (the first one's number),
-- `given` (code that is run before it), and how it is run: `until_shown`, `file`,
-- `beside` (a list), `in`. CONTRIBUTING.md says what these mean.
function documents.fragments (text)
  local fragments, notes, code, first = {}, {beside = {}}, nil, nil
  local number = 0
  for line in (text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    if code then
      if line == "```" then
        notes.code, notes.line = table.concat(code, "\n") .. "\n", first
        table.insert(fragments, notes)
        notes, code = {beside = {}}, nil
      else
        table.insert(code, line)
      end
    elseif line == "```lua" then
      code, first = {}, number + 1
    elseif line:find "^<!%-%- given: .* %-%->$" then
      notes.given = (notes.given or "") .. line:match "^<!%-%- given: (.*) %-%->$" .. " "
    elseif line:find "^<!%-%- run: .* %-%->$" then
      for note in line:match "^<!%-%- run: (.*) %-%->$":gmatch "[^,]+" do
        local name, value = note:match "^%s*(%S+)%s+(%S+)%s*$"
        assert(name, "line " .. number .. ": " .. note)
        if name == "until" then
          notes.until_shown = true
        elseif name == "beside" then
          table.insert(notes.beside, value)
        else
          notes[name] = value
        end
      end
    elseif line:find "%S" then
      local is_plain = #notes.beside == 0 and next(notes, next(notes)) == nil
      assert(is_plain, "line " .. number .. ": no ```lua after <!-- run or given -->")
    end
  end
  return fragments
end

return documents
