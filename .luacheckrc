-- What Lua 5.1, 5.3, 5.4 and LuaJIT have in common, and the names that a
-- module asks for before it uses them.
stds.either = {
  read_globals = {
    "unpack", "loadstring", "setfenv", "jit",
    table = { fields = { "unpack", "pack" } },
    package = { fields = { "searchers", "loaders", "searchpath" } },
    coroutine = { fields = { "close", "isyieldable" } },
    math = { fields = { "type", "tointeger" } },
  },
}
std = "min+either"
files["spec"] = { std = "min+either+busted" }
max_line_length = 100
max_comment_line_length = 120
-- Programs of LÖVE.
for _, folder in ipairs { "examples/love", "bench/love", "spec/support/love" } do
  files[folder] = { globals = { "love" }, read_globals = { "jit" } }
end
