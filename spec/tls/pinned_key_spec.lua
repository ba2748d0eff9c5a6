local core = require "wsmanager.core"
local ends = require "support.ends"

local NONE = "sha256//" .. ("A"):rep(43) .. "="
local FORM = 'tls.pin must be "sha256//" and the 44 characters of base64 ' ..
             'of a SHA-256, not "%s"'

describe("a pinned key", function()
  local leaf

  setup(function()
    ends.setup()
    leaf = ends.text("leaf.pin")
  end)
  teardown(ends.teardown)

  it("accepts a server that has it", function()
    assert.equal("open", (ends.join { pin = leaf }).status)
  end)

  it("accepts a server that has any of several", function()
    for _, pins in ipairs {
      { leaf }, { NONE, leaf }, { leaf, NONE }, { NONE, NONE, leaf, NONE },
      { NONE .. ";" .. leaf }
    } do
      assert.equal("open", (ends.join { pin = pins }).status)
    end
    assert.equal("open", (ends.join { pin = NONE .. ";" .. leaf }).status)
  end)

  it("refuses a server with another, and says that key's pin", function()
    for _, pins in ipairs { NONE, { NONE, ends.text("client.pin") } } do
      local client, server = ends.join { pin = pins }
      assert.equal("failed", client.status)
      assert.equal("tls", client.token)
      assert.equal("the key of localhost is " .. leaf .. ", which is none " ..
                   "of the pinned ones", client.detail)
      assert.is_true(client.final)
      assert.equal("the client sent the alert: bad certificate",
                   server.detail)
    end
  end)

  it("does not replace the verification of a certificate", function()
    for name, why in pairs { expired = "expired on", unknown = "unknown CA",
                             wrong = "certificate is for" } do
      local client = ends.join({ pin = leaf }, { name = name })
      assert.equal("failed", client.status)
      assert.truthy(client.detail:find(why, 1, true))
    end
  end)

  it("is enough with verify = false", function()
    for _, name in ipairs { "expired", "selfsigned", "unknown", "wrong" } do
      local client = ends.join({ pin = leaf, verify = false },
                               { name = name })
      assert.equal("open", client.status)
    end
  end)

  it("is checked with verify = false", function()
    local client = ends.join({ pin = NONE, verify = false },
                             { name = "selfsigned" })
    assert.equal("failed", client.status)
    assert.truthy(client.detail:find(leaf, 1, true))
    assert.is_true(client.final)
  end)

  it("is accepted when a TLS session is resumed", function()
    local rules = { client = ends.client { pin = leaf },
                    server = ends.server() }
    ends.join(nil, nil, rules)
    local client = ends.join(nil, nil, rules)
    assert.equal("open", client.status)
    assert.is_true(client.pipe:resumed())
  end)

  it("is the client's on a server that requires certificates", function()
    local function join(pin)
      return ends.join({ cert = ends.path("client.pem"),
                         key = ends.path("client.key") },
                       { ask = true, ca = ends.path("ca.pem"), pin = pin })
    end
    local theirs = ends.text("client.pin")
    assert.equal("open", select(2, join(theirs)).status)
    assert.equal("the key of the client is " .. theirs .. ", which is none " ..
                 "of the pinned ones", select(2, join(leaf)).detail)
  end)

  it("needs a server that requires certificates", function()
    local context, token, detail = core.tls({
      cert = ends.path("good.pem"), key = ends.path("leaf.key"),
      pin = leaf }, true)
    assert.is_nil(context)
    assert.equal("tls", token)
    assert.equal("tls.pin of a server needs tls.ask: else clients show no " ..
                 "key", detail)
  end)

  it("of another form raises", function()
    local function raises(pin, shown)
      assert.has_error(function() core.tls({ pin = pin }, false) end,
                       FORM:format(shown or pin))
    end
    local digits = ("A"):rep(43)
    raises("")
    raises({}, "")
    raises("sha256/" .. digits .. "=")
    raises("sha1//" .. digits .. "=")
    raises(digits .. "=")
    raises("sha256//" .. digits)
    raises("sha256//" .. digits .. "==")
    raises("sha256//" .. digits .. "A")
    raises("sha256//" .. digits .. "=;")
    raises(";sha256//" .. digits .. "=")
    raises("sha256//" .. ("A"):rep(42) .. "B=")
    raises("sha256//" .. ("A"):rep(42) .. "-=")
    raises("sha256//" .. ("A"):rep(42) .. "\n=")
    raises({ NONE, "other" }, NONE .. ";other")
    for n = 0, #NONE - 1 do raises(NONE:sub(1, n)) end
  end)

  it("of another type raises", function()
    assert.has_error(function() core.tls({ pin = 7 }, false) end,
                     "tls.pin must be a string, not a number")
    assert.has_error(function() core.tls({ pin = { 7 } }, false) end,
                     "tls.pin must be a string, not a number")
    assert.has_error(function()
      core.tls({ pin = { NONE, NONE .. "\0" } }, false)
    end, "tls.pin contains a zero byte")
  end)

  it("may end any base64 that a SHA-256 has", function()
    for last in ("AEIMQUYcgkosw048"):gmatch(".") do
      local pin = "sha256//" .. ("+"):rep(21) .. ("/"):rep(21) .. last .. "="
      assert.truthy(core.tls({ pin = pin }, false))
    end
  end)
end)
