-- The types of annotations (LuaCATS, as lua-language-server reads them): parsed strictly.
--
-- A type is a table: kind "union" (its alternatives as a list), "name" (name, arguments),
-- "literal" (text, value), "list" (of), "fun" (params, returns), "table" (fields).
-- Raises, without a position, for what is none.

local types = {}

-- ## Reading

local function fail(state, what)
  error(("%s expected at '%s'"):format(what, state.text:sub(state.at, state.at + 20)), 0)
end

local function skip(state)
  state.at = state.text:find("[^ ]", state.at) or #state.text + 1
end

-- Takes what matches the pattern (anchored), behind spaces unless `here`.
local function take(state, pattern, here)
  local before = state.at
  if not here then skip(state) end
  local found = state.text:match("^" .. pattern, state.at)
  if found then state.at = state.at + #found else state.at = before end
  return found
end

local function expect(state, pattern, what)
  return take(state, pattern) or fail(state, what)
end

local union

local function list_of_types(state)
  local list = { union(state) }
  while take(state, ",") do list[#list + 1] = union(state) end
  return list
end

-- One parameter: name[?][: type], or ...[: type].
local function parameter(state)
  local name = take(state, "%.%.%.") or expect(state, "[%a_][%w_]*", "a parameter's name")
  local optional = take(state, "%?", true) ~= nil
  local of = take(state, ":") and union(state) or nil
  return { name = name, optional = optional, type = of }
end

local function fun(state)
  local result = { kind = "fun", params = {}, returns = {} }
  expect(state, "%(", "'('")
  if not take(state, "%)") then
    repeat
      table.insert(result.params, parameter(state))
    until not take(state, ",")
    expect(state, "%)", "')'")
  end
  if take(state, ":") then result.returns = list_of_types(state) end
  return result
end

local function field(state)
  local key
  if take(state, "%[") then
    key = "[" .. types.show(union(state)) .. "]"
    expect(state, "%]", "']'")
  else
    key = expect(state, "[%a_][%w_]*", "a field's name")
  end
  local optional = take(state, "%?", true) ~= nil
  expect(state, ":", "':'")
  return { name = key, optional = optional, type = union(state) }
end

local function shape(state)
  local result = { kind = "table", fields = {} }
  if take(state, "}") then return result end
  repeat
    table.insert(result.fields, field(state))
  until not take(state, "[,;]")
  expect(state, "}", "'}'")
  return result
end

local constants = { ["true"] = true, ["false"] = false }

local function named(state)
  local name = expect(state, "[%a_][%w_.]*%*?", "a type")
  if name:find("%.$") then fail(state, "a type's name without a dot at its end") end
  if name == "fun" and state.text:sub(state.at, state.at) == "(" then return fun(state) end
  if constants[name] ~= nil then
    return { kind = "literal", text = name, value = constants[name] }
  end
  local arguments = take(state, "<", true) and list_of_types(state) or nil
  if arguments then expect(state, ">", "'>'") end
  return { kind = "name", name = name, arguments = arguments }
end

local function primary(state)
  local text = take(state, '"[^"]*"')
  if text then return { kind = "literal", text = text, value = text:sub(2, -2) } end
  text = take(state, "%-?%d+%.?%d*")
  if text then return { kind = "literal", text = text, value = tonumber(text) } end
  if take(state, "{") then return shape(state) end
  if take(state, "%(") then
    local inner = union(state)
    expect(state, "%)", "')'")
    return inner
  end
  return named(state)
end

local NIL = { kind = "name", name = "nil" }

local function add(list, of)
  if of.kind ~= "union" then
    list[#list + 1] = of
    return
  end
  for _, each in ipairs(of) do add(list, each) end
end

local function postfix(state, list)
  local of = primary(state)
  while true do
    if take(state, "%[%]", true) then
      of = { kind = "list", of = of }
    elseif take(state, "%?", true) then
      add(list, of)
      add(list, NIL)
      return
    else
      add(list, of)
      return
    end
  end
end

function union(state)
  local list = { kind = "union" }
  repeat
    postfix(state, list)
  until not take(state, "|")
  return #list == 1 and list[1] or list
end

-- The type at the beginning of a text, and what follows it.
function types.read(text)
  local state = { text = text, at = 1 }
  local of = union(state)
  return of, text:sub(state.at)
end

-- The types of `---@return`, with their names, and the rest: "string? token, string why".
function types.read_returns(text)
  local state, list = { text = text, at = 1 }, {}
  repeat
    local of = union(state)
    local name = take(state, " [%a_][%w_]*", true)
    if not name and take(state, " %.%.%.", true) then name = " ..." end
    list[#list + 1] = { type = of, name = name and name:sub(2) }
  until not take(state, ",")
  return list, text:sub(state.at)
end

-- ## Looking

-- Each alternative of a type, one after the other.
function types.alternatives(of)
  return of.kind == "union" and of or { of }
end

-- Calls visit(name) for each named type in it.
function types.each_name(of, visit)
  local function all(list) for _, each in ipairs(list) do types.each_name(each, visit) end end
  if of.kind == "union" then all(of)
  elseif of.kind == "list" then types.each_name(of.of, visit)
  elseif of.kind == "name" then
    visit(of.name)
    all(of.arguments or {})
  elseif of.kind == "fun" then
    for _, param in ipairs(of.params) do
      if param.type then types.each_name(param.type, visit) end
    end
    all(of.returns)
  elseif of.kind == "table" then
    for _, each in ipairs(of.fields) do types.each_name(each.type, visit) end
  end
end

-- ## Showing

local show_one = {}

local function join(list, separator)
  local parts = {}
  for i, each in ipairs(list) do parts[i] = types.show(each) end
  return table.concat(parts, separator)
end

-- "string?" for "string|nil".
function show_one.union(of)
  local first, second = of[1], of[2]
  if #of == 2 and second.kind == "name" and second.name == "nil" and first.kind ~= "fun" then
    return types.show(first) .. "?"
  end
  return join(of, "|")
end

function show_one.name(of)
  return of.name .. (of.arguments and "<" .. join(of.arguments, ", ") .. ">" or "")
end

function show_one.literal(of) return of.text end

function show_one.list(of)
  local inner = types.show(of.of)
  if of.of.kind == "union" or of.of.kind == "fun" then inner = "(" .. inner .. ")" end
  return inner .. "[]"
end

local function show_named(each)
  return each.name .. (each.optional and "?" or "")
         .. (each.type and ": " .. types.show(each.type) or "")
end

function show_one.fun(of)
  local params = {}
  for i, param in ipairs(of.params) do params[i] = show_named(param) end
  return "fun(" .. table.concat(params, ", ") .. ")"
         .. (of.returns[1] and ": " .. join(of.returns, ", ") or "")
end

function show_one.table(of)
  local fields = {}
  for i, each in ipairs(of.fields) do fields[i] = show_named(each) end
  return "{" .. table.concat(fields, ", ") .. "}"
end

-- The text of a type, in one spelling.
function types.show(of)
  return show_one[of.kind](of)
end

return types
