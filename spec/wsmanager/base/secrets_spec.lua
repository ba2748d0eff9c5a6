-- Text without the credentials in it.

local secrets = require "wsmanager.base.secrets"

local function check (cases, is_cut, is_prose)
  for given, expected in pairs(cases) do
    assert.equal(expected, secrets.mask(given, is_cut, is_prose))
  end
end

-- The forms in which a secret is sent, and the characters that it may have there.
local PLAIN, SPACED = "'!,;:/~@#$%.-{}()*", "'!,;:/~ @#$%.-{}()*"

local function json (text) return (text:gsub('["\\]', "\\%0"):gsub("\n", "\\n")) end

local forms = {
  {SPACED, function (s) return '{"token":"' .. s .. '","v":1}' end},
  {SPACED, function (s) return '{ "Api-Key" : "' .. s .. '" }' end},
  {SPACED, function (s) return '{"tok\\u0065n":"' .. s .. '"}' end},
  {SPACED, function (s) return '{"tokens":["a","' .. s .. '"]}' end},
  {SPACED, function (s) return '{"auth":{"x":["' .. s .. '"]},"y":2}' end},
  {SPACED, function (s) return json('{"data":"' .. json('{"password":"' .. s .. '"}') .. '"}') end},
  {SPACED, function (s) return '{"data":"' .. json('{"password":"' .. s .. '"}') .. '"}' end},
  {SPACED, function (s)
    return '["' .. json('{"d":"' .. json('{"x":{"secret":"' .. s .. '"}}') .. '"}') .. '"]'
  end},
  {SPACED, function (s)
    return '{"header":"' .. json("X: y\nCookie: " .. s .. "\nA: b") .. '"}'
  end},
  {SPACED, function (s) return '["auth","' .. s .. '",[1,"' .. s .. '"]]' end},
  {SPACED, function (s) return '{"op":"login","args":[{"x":"' .. s .. '"}]}' end},
  {SPACED, function (s) return "{'secret': '" .. s:gsub("'", "") .. "'}" end},
  {SPACED, function (s) return 'CONNECT {"pass":"' .. s .. '","user":"me"}\r\n' end},
  {SPACED, function (s) return "\nPASS :" .. s .. "\r\nNICK me" end},
  {SPACED, function (s) return "\npass " .. s .. "\r\n" end},
  {SPACED, function (s) return "\nAUTHENTICATE " .. s .. "\r\n" end},
  {SPACED, function (s) return "\na1 LOGIN me " .. s .. "\r\n" end},
  {SPACED, function (s) return "\nCONNECT\nlogin:me\npasscode:" .. s .. "\n\n" end},
  {SPACED, function (s) return "\nX-Auth-Token: " .. s .. "\r\nAccept: */*" end},
  {SPACED, function (s) return "\nApi-Key:" .. s .. "\r\nAccept: */*" end},
  {SPACED, function (s) return "\nCookie: a=b; c=" .. s .. "\r\n  " .. s .. "\r\nA: b" end},
  {SPACED, function (s) return "\nset-cookie: " .. s .. "; Path=/\r\n" end},
  {PLAIN, function (s) return "BEARER " .. s .. " x" end},
  {PLAIN, function (s) return "a: Basic " .. s .. " x" end},
  {PLAIN:gsub("[/@#]", ""), function (s) return "ws://me:" .. s .. "@host/ x" end},
  {PLAIN, function (s) return "ws://me:p@" .. s .. "@host/ x" end},
  {PLAIN, function (s) return '{"u":"' .. json("ws://me:" .. s .. "@host/") .. '"}' end},
  {PLAIN, function (s) return '{"u":"ws:\\/\\/me:' .. s .. '@host\\/"}' end},
  {PLAIN, function (s) return "wss://host/?v=1&access_token=" .. s .. "&x=1" end},
  {PLAIN, function (s) return '{"u":"wss://host/?v=1\\u0026key=' .. s .. '"}' end},
  {PLAIN, function (s)
    return "u=" .. ("wss://host/?token=" .. s):gsub("[^%w]", function (c)
      return ("%%%02X"):format(c:byte())
    end) .. "&v=1"
  end},
  {SPACED, function (s) return "<auth mechanism='PLAIN'>" .. s .. "</auth>" end},
  {SPACED, function (s)
    return "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>" .. s .. "</response>"
  end},
  {SPACED, function (s) return "<iq><query><password>" .. s .. "</password></query></iq>" end},
  {PLAIN:gsub("'", ""), function (s) return "<x token='" .. s .. "' y='z'/>" end},
  {SPACED, function (s) return "-----BEGIN PRIVATE KEY-----\n" .. s .. "\n-----END X-----" end},
}

-- What may be around it; not before it: the begin of a string in JSON, which would be
-- another text.
local noise = {
  "hello", "it's", '5"', '{"x":1}', "a=b", "a: b", "[1,2]", "http://host/", "<b>", "</b>",
  "&", ",", "\\", "gr\195\188n", "%41", "'", "\r", "\t", "monkey", "://",
}

local function make_random (seed)
  return function (n)
    seed = (seed * 16807) % 2147483647
    return seed % n + 1
  end
end

-- "Z" begins the secret and is nowhere else.
local function make_secret (random, alphabet)
  local out = {"Z"}
  for i = 2, 12 do
    local at = random(#alphabet)
    out[i] = random(2) == 1 and "Z" or alphabet:sub(at, at)
  end
  return table.concat(out) .. "Z"
end

local function make_noise (random)
  local out = {}
  for i = 1, random(5) - 1 do out[i] = noise[random(#noise)] end
  return table.concat(out, " ")
end

describe("text without secrets", function ()
  it("has no value of a secret's name", function ()
    check {
      ['{"op":2,"d":{"token":"a\\"b","intents":1}}'] =
        '{"op":2,"d":{"token":"***","intents":1}}',
      ['{"pass":12345,"user":"me"}'] = '{"pass":***,"user":"me"}',
      ['{"pass":12a,b}'] = '{"pass":***',
      ['{"session_id":"x","author":"me","code":200}'] =
        '{"session_id":"***","author":"me","code":200}',
      ['{"auth":{"token":["a"]},"x":1}'] = '{"auth":***,"x":1}',
      ['{"tokens":["a]","b"],"x":1}'] = '{"tokens":***,"x":1}',
      ['{"session":null,"key":true,"sid":false}'] = '{"session":null,"key":true,"sid":false}',
      ['{"x":"{\\"token\\":\\"a\\",\\"v\\":1}"}'] = '{"x":"{\\"token\\":\\"***\\",\\"v\\":1}"}',
      ['{"x":"\\u00fc\\n"}'] = '{"x":"\\u00fc\\n"}',
      ['{"userAuth":"a","APIKey":"b","keyboard":"c","monkey":"d"}'] =
        '{"userAuth":"***","APIKey":"***","keyboard":"c","monkey":"d"}',
      ['42["login","a","b"] c'] = '42["login",***] c',
      ['"token": "it\'s", b'] = '"token": "***", b',
      ['{"note":"a: b"}'] = '{"note":"a: b"}',
      ['{"text":"token=a\\tb"}'] = '{"text":"token=***"}',
      ["<auth x='y'>a</auth><b>c</b>"] = "<auth x='y'>***</auth><b>c</b>",
      ["<auth><auth>a</auth>b</auth>"] = "<auth>***",
      ["<token/>a"] = "<token/>a",
      ["PASS oauth:abc\r\nNICK me"] = "PASS ***\r\nNICK me",
      ["PASS :my a\nNICK me"] = "PASS :***\nNICK me",
      ["CONNECT\nlogin:me\npasscode:abc\n\n"] = "CONNECT\nlogin:me\npasscode:***\n\n",
      ["use Bearer abc.def now"] = "use Bearer *** now",
      ["see https://me:it@example.com/?sig=1"] = "see https://***@example.com/?sig=***",
      ["ws://u:p@a@h/ws"] = "ws://***@h/ws",
      ["ws://h/?token=a'b,c&v=1"] = "ws://h/?token=***&v=1",
      ["/a?token=a&b&v=1"] = "/a?token=***&v=1",
      ["u=%3Ftoken%3Da!b&x=1"] = "u=***&x=1",
      ["hello"] = "hello",
      [""] = "",
    }
  end)

  it("has commands only where it is a message", function ()
    check({["login failed"] = "login failed", ["auth token: x"] = "auth token: ***"}, false, true)
    check {["login failed"] = "login ***"}
  end)

  it("is masked to the end where it is cut", function ()
    check({
      ['{"password" : "abc'] = '{"password" : "***',
      ['{"password" : "abc\\'] = '{"password" : "***',
      ['{"auth":{"a'] = '{"auth":***',
      ["see ws://me:ab"] = "see ws://***",
      ["see ws://host/ab"] = "see ws://host/ab",
      ["<auth>a"] = "<auth>***",
    }, true)
    check {["see ws://host"] = "see ws://host"}
  end)

  it("never has it, in whatever form, wherever it is, however it is cut", function ()
    for seed = 1, 60 do
      local random = make_random(seed)
      for n, form in ipairs(forms) do
        local secret = make_secret(random, form[1])
        local given = make_noise(random) .. " " .. form[2](secret) .. " " .. make_noise(random)
        local text = secrets.mask(given)
        assert.is_nil(text:find("Z", 1, true),
                      ("seed %d, form %d\n%s\n%s"):format(seed, n, given, text))
        if seed <= 3 then
          for cut = 1, #given do
            text = secrets.mask(given:sub(1, cut), true)
            assert.is_nil(text:find("Z", 1, true),
                          ("seed %d, form %d, cut %d\n%s\n%s"):format(seed, n, cut, given, text))
          end
        end
      end
    end
  end)

  it("is as long as it was where nothing is secret", function ()
    local random = make_random(7)
    for _ = 1, 500 do
      local given = make_noise(random) .. "\n" .. make_noise(random)
      assert.equal(given, secrets.mask(given))
    end
  end)

  it("finds names in bytes that are no text", function ()
    assert.equal(2, secrets.find_name("\165token\166abc"))
    assert.equal(5, secrets.find_name("\1abcd-key\2" ) and 5)
    assert.is_nil(secrets.find_name("\1\2\3hello\255"))
  end)

  -- of what grows with the square of the length this would take hours
  it("takes long texts of the worst kind", function ()
    for _, text in ipairs {
      "=" .. ("x"):rep(2^18), ("http"):rep(2^16) .. "://", ("://"):rep(2^16),
      ('"a":'):rep(2^16), ("[%"):rep(2^17) .. "=", "a" .. (" "):rep(2^18), ('\\"'):rep(2^17),
      '"token":"' .. ("\\"):rep(2^18), ("PASS "):rep(2^16), ("a:"):rep(2^17),
      ('"\\'):rep(2^17), ("<a"):rep(2^17), ("<key>"):rep(2^16), ("%25"):rep(2^16),
      "%" .. ("25"):rep(2^17), '"\\u005c' .. ("u005c"):rep(2^15) .. '"',
      ("key=&a"):rep(2^15), ("<a1-key></a1-key>"):rep(2^14), ("\n "):rep(2^17),
      ('"auth",'):rep(2^15), ("a@://"):rep(2^16), ("key[{"):rep(2^16), ("key='"):rep(2^16),
    } do
      assert.is_string(secrets.mask(text))
    end
  end)
end)
