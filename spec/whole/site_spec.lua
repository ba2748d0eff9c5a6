-- The documents' site, as a reader's browser has it: make docs, then Chromium.
-- Runs once: it is made by Python and shown by Chromium, the same under each Lua.

local chromium = require "support.chromium"
local files = require "support.files"

local folder = "build/docs-of-spec"

local function build ()
  local pipe = io.popen("python3 scripts/docs/build.py " .. folder .. " 2>&1")
  local text = pipe:read "*a"
  pipe:close()
  return text
end

local function is_there (path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

-- The file that a link of a page leads to.
local function target_of (page, link)
  local parts = {}
  for part in (page:match "^(.*/)" .. link):gmatch "[^/]+" do
    if part == ".." then table.remove(parts) else parts[#parts + 1] = part end
  end
  return table.concat(parts, "/")
end

describe("the documents' site", function ()
  local browser, pages, here

  setup(function ()
    local text = build()
    assert.matches("index%.html: %d+ pages\n$", text)
    pages = files.below({folder}, ".html")
    local pipe = io.popen "pwd"
    here = "file://" .. pipe:read "*l" .. "/"
    pipe:close()
    browser = chromium.start()
  end)

  teardown(function ()
    if browser then browser:stop() end
    os.execute("rm -rf " .. folder)
  end)

  it("has a page for each document", function ()
    for _, path in ipairs(files.below({"docs"}, ".md")) do
      local name = path:gsub("^docs/", ""):gsub("README%.md$", "index.html")
        :gsub("%.md$", ".html")
      if path ~= "docs/README.md" then
        assert.is_true(is_there(folder .. "/" .. name), path)
      end
    end
    assert.is_true(is_there(folder .. "/contents.html"))
  end)

  it("loads nothing from elsewhere, and has no script", function ()
    for _, page in ipairs(pages) do
      local text = files.read(page)
      assert.is_nil(text:find "<script", page)
      assert.is_nil(text:find "src=\"%a+:", page)
      assert.is_nil(text:find "<link[^>]+href=\"%a+:", page)
    end
    assert.is_nil(files.read(folder .. "/style.css"):find "url%(")
  end)

  it("has no link to what is not there", function ()
    local wrong, seen, ids = {}, 0, {}
    local function has_id (page, id)
      ids[page] = ids[page] or files.read(page)
      return ids[page]:find(' id="' .. id .. '"', 1, true)
    end
    for _, page in ipairs(pages) do
      for link in files.read(page):gmatch "%f[%w]href=\"([^\"]+)\"" do
        local name, id = link:match "^([^#]*)#?(.*)$"
        local path = name == "" and page or target_of(page, name)
        seen = seen + 1
        if not link:find "^%a+:" and (not is_there(path) or id ~= "" and not has_id(path, id)) then
          wrong[#wrong + 1] = page .. ": " .. link
        end
      end
    end
    assert.is_true(seen > 500)
    assert.same({}, wrong)
  end)

  -- Boxes that scroll sideways within themselves.
  local SCROLLS = [[
    [...document.querySelectorAll("body *")]
      .filter(e => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0
        && getComputedStyle(e).overflowX !== "visible")
      .map(e => e.tagName + " " + e.textContent.slice(0, 40)).join("\n")]]

  for _, is_dark in ipairs {false, true} do
    it("can be read in " .. (is_dark and "dark" or "light") .. ", on wide and narrow screens",
       function ()
      local page = browser:open(here .. pages[1], {dark = is_dark})
      for _, path in ipairs(pages) do
        page:go(here .. path)
        for _, width in ipairs {320, 1280} do
          local px, what = page:overflow(width)
          assert.equal(0, px, path .. " at " .. width .. ": " .. what)
          assert.equal("", page:evaluate(SCROLLS), path .. " at " .. width)
          local least, worst = page:contrast()
          assert.is_true(least >= 4.5, path .. " at " .. width .. ":\n" .. worst)
        end
      end
      assert.same({}, page.errors)
      page:close()
    end)
  end
end)
