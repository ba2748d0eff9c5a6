local core = require "wsmanager.core"

describe("the proxy of a connection", function()
  it("is refused at once when it is none", function()
    local loop = core.loop()
    for _, proxy in ipairs { "socks4://p", "http://", "ENV://" } do
      local ok, why = pcall(core.connection, loop, { url = "ws://h", proxy = proxy })
      assert.is_false(ok)
      assert.matches("proxy", why, 1, true)
    end
    loop:close()
  end)

  -- What a program prints that dials ws://127.0.0.1:1/ through "env".
  local function with_environment(variables)
    local program = [[
      local core = require "wsmanager.core"
      local turns = require "support.turns"
      local c = turns.new { url = "ws://127.0.0.1:1/", proxy = "env", reconnect = false }
      print(c:event("error")[3])
    ]]
    local pipe = io.popen("env -u no_proxy -u NO_PROXY " .. variables .. " " .. os.getenv "LUA"
      .. " -e '" .. program .. "' 2>&1")
    local line = pipe:read "*a"
    pipe:close()
    return line
  end

  it("comes from the environment", function()
    assert.matches("^cannot connect to the proxy 127.0.0.1:2: ",
      with_environment "http_proxy=http://127.0.0.1:2")
    assert.matches("^cannot connect to the proxy 127.0.0.1:3: ",
      with_environment "-u http_proxy all_proxy=socks5://127.0.0.1:3")
    assert.matches("^connection to 127.0.0.1:1 ",
      with_environment "http_proxy=http://127.0.0.1:2 no_proxy=127.0.0.0/8")
    assert.matches("^connection to 127.0.0.1:1 ",
      with_environment "-u http_proxy -u all_proxy -u ALL_PROXY HTTP_PROXY=http://127.0.0.1:2")
    assert.matches("^bad proxy \"socks4\": ", with_environment "http_proxy=socks4://127.0.0.1:2")
  end)
end)
