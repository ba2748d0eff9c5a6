-- Text without the credentials in it: what follows the name of a secret is masked, to the
-- end of its value, or, where that is not sure, to the end of the line.
-- Depends on nothing.
-- Never unmasks: what only looks like a secret is masked, too.

local secrets = {}

-- One pass from left to right. Only names, quotes, elements of XML and URLs stop it, and
-- each search for an end is taken up behind that end: the time is linear in the length,
-- whatever a peer sends, times the levels of text that is escaped within text.

local MASK = "***"
local MOST_JUDGED, LONGEST_JUDGED = 256, 32     -- names that are remembered; bytes of one
local DEPTH = 8          -- levels of text that is escaped within text; what is deeper is masked

secrets.MASK = MASK

-- ## Escapes of JSON and of URLs

local escapes = {b = "\b", f = "\f", n = "\n", r = "\r", t = "\t"}

-- The character of \uXXXX as UTF-8; of a half of a pair "?".
local function from_unit (hex)
  local code = tonumber(hex, 16)
  if code < 0x80 then return string.char(code) end
  local low = 0x80 + code % 64
  if code < 0x800 then return string.char(0xC0 + math.floor(code / 64), low) end
  if code >= 0xD800 and code < 0xE000 then return "?" end
  return string.char(0xE0 + math.floor(code / 4096), 0x80 + math.floor(code / 64) % 64, low)
end

local function unescape (text)
  return (text:gsub("\\(.)(%x?%x?%x?%x?)", function (char, hex)
    if char == "u" and #hex == 4 then return from_unit(hex) end
    return (escapes[char] or char) .. hex
  end))
end

local function from_hex (hex)
  return string.char(tonumber(hex, 16))
end

local function decode_percent (text)
  return (text:gsub("%%(%x%x)", from_hex))
end

-- ## Names of secrets

-- Parts of names, in lower case and without what separates words.
local parts = {
  "token", "secret", "passw", "passcode", "passphrase", "passkey", "apikey", "authoriz",
  "authentic", "cookie", "credential", "signature", "session", "jwt", "bearer", "oauth",
  "assertion", "mnemonic", "accesskey", "authkey", "privatekey", "appkey", "sshkey",
  "masterkey", "clientkey", "sharedkey", "signkey",
}

-- Whole words of names: of "x-auth", "keyId" and "user_pass".
local words = {
  auth = true, key = true, pass = true, pwd = true, sid = true, sig = true, sign = true,
  ticket = true, creds = true, psk = true, hmac = true, pin = true, otp = true, totp = true,
}

local open_names = {secwebsocketkey = true, secwebsocketaccept = true}

-- Commands whose arguments are secret: of IRC, FTP, SMTP, Redis and many a JSON protocol.
local commands = {
  pass = true, password = true, auth = true, authenticate = true, authorize = true,
  login = true, identify = true, oper = true,
}

local schemes = {bearer = true, basic = true}   -- RFC 7617, RFC 6750

local function judge (name)
  local spaced = decode_percent(unescape(name)):gsub("(%l)(%u)", "%1 %2")
                 :gsub("(%u)(%u%l)", "%1 %2")
  local plain = spaced:lower():gsub("[^%w]", "")
  if open_names[plain] then return false end
  for _, part in ipairs(parts) do
    if plain:find(part, 1, true) then return true end
  end
  for word in spaced:lower():gmatch "%w+" do
    if words[word] then return true end
  end
  return false
end

-- Names that were judged: the same ones come again and again.
local judged, count = {}, 0

-- Is what has that name secret?
function secrets.is_secret (name)
  if #name < 3 then return false end
  local answer = judged[name]
  if answer ~= nil then return answer end
  answer = judge(name)
  if #name > LONGEST_JUDGED then return answer end
  count = count + 1
  if count > MOST_JUDGED then judged, count = {}, 1 end
  judged[name] = answer
  return answer
end

local is_secret = secrets.is_secret

-- ## Ends

-- The quote that ends a string which begins behind `at`; nil: it is cut.
local function end_of_string (text, at, quote)
  local pattern = "[\\" .. quote .. "]"
  repeat
    at = text:find(pattern, at)
    if not at or text:sub(at, at) == quote then return at end
    at = at + 2
  until false
end

-- The bracket that closes the one of which `at` is inside; or behind the text.
local function end_of_brackets (text, at)
  local depth = 1
  repeat
    local from = text:find('["%[%]{}]', at)
    if not from then return #text + 1 end
    local char = text:sub(from, from)
    at = from
    if char == '"' then
      at = end_of_string(text, at + 1, '"')
      if not at then return #text + 1 end
    else
      depth = depth + ((char == "[" or char == "{") and 1 or -1)
    end
    at = at + 1
  until depth == 0
  return at - 1
end

-- The end of the line, and of those that continue it (RFC 9112 5.2).
local function end_of_line (text, at)
  repeat
    local from, to = text:find("\r?\n", at)
    if not from then return #text + 1 end
    at = to + 1
    if not text:find("^[ \t]", at) then return from end
  until false
end

-- The end of a value of name=value: the next "&name=", or the end of the line.
local function end_of_pair (text, at)
  local from = at
  repeat
    from = text:find("[&\r\n]", from)
    if not from then return #text + 1 end
    if text:find("^\r?\n", from) then return end_of_line(text, from) end
    if text:find("^&[%w_%-.%%%[%]]+=", from) then return from end
    from = from + 1
  until false
end

-- ## The pass

-- `text`, what is at `at` is next; `out`; `is_cut`: more follows the text; `is_prose`:
-- it is no message, and has no commands; `depth`: in how many texts it is; `is_first`: of
-- a line.

local function emit (s, to)
  s.out[#s.out + 1] = s.text:sub(s.at, to)
  s.at = to + 1
end

-- Masks what is before `stop`.
local function mask (s, stop)
  s.out[#s.out + 1] = MASK
  s.at = stop
end

-- A value that has a quote before it and, unless it is cut, behind it.
local function mask_quoted (s, quote)
  emit(s, s.at)
  local stop = end_of_string(s.text, s.at, quote)
  if stop == s.at then return emit(s, stop) end
  mask(s, stop or #s.text + 1)
  if stop then emit(s, stop) end
end

-- What follows the name of a secret. `mark` is ":" or "=", `in_json` whether the name
-- stands in quotes.
local function mask_value (s, mark, in_json)
  local text, at = s.text, s.at
  local char = text:sub(at, at)
  if char == '"' or char == "'" then
    mask_quoted(s, char)
    if not text:find("^[^%s&,;/>%]})]", s.at) then return end
    at = s.at                -- a quote was no end: it goes on
  elseif char == "[" or char == "{" then
    return mask(s, end_of_brackets(text, at + 1) + 1)
  elseif text:find("^true%f[^%w]", at) or text:find("^false%f[^%w]", at)
         or text:find("^null%f[^%w]", at) then
    return
  end
  local stop
  if in_json then stop = text:match("^-?[%d.eE+-]+()%f[,%]}%s%z]", at) end
  if stop then return mask(s, stop) end
  if mark == "=" then stop = end_of_pair(text, at)
  else stop = end_of_line(text, at) end
  if stop > at then mask(s, stop) end
end

local scan      -- text, is_cut, is_prose, depth -> text

local escaped = {["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t"}

local function escape (text)
  return (text:gsub('["\\]', "\\%0"):gsub("[\n\r\t]", escaped))
end

-- A command in a list or an object of JSON: the rest of it.
local function mask_arguments (s, word, pattern)
  local _, comma = s.text:find(pattern, s.at)
  if not comma or s.is_prose or not commands[word:lower()] then return end
  emit(s, comma)
  local stop = end_of_brackets(s.text, s.at)
  if stop > s.at then mask(s, stop) end
end

-- What is in a string: where it has escapes, what they stand for.
local function scan_string (s, content, is_cut)
  local depth = s.depth + 1
  if not content:find("\\", 1, true) then return scan(content, is_cut, s.is_prose, depth) end
  if depth > DEPTH then return MASK end
  local plain = unescape(content)
  local masked = scan(plain, is_cut, s.is_prose, depth)
  return masked == plain and content or escape(masked)
end

-- A string of JSON: a name, or a value. One that has no end is text with a quote in it.
local function take_string (s)
  local text, from = s.text, s.at
  if text:find('^\\"', from - 1) then return emit(s, from) end
  local stop = end_of_string(text, from + 1, '"')
  local content = text:sub(from + 1, (stop or #text + 1) - 1)
  if content:find "[\r\n]" then return emit(s, from) end
  local _, colon = text:find("^%]?%s*[:=]>?%s*", stop and stop + 1 or #text + 1)
  s.out[#s.out + 1] = '"' .. scan_string(s, content, s.is_cut and not stop)
  s.at = stop or #text + 1
  if stop then emit(s, stop) end
  if colon and is_secret(unescape(content)) then
    emit(s, colon)
    return mask_value(s, ":", true)
  end
  mask_arguments(s, content, "^%s*,%s*")
end

-- <name ...>: what is in an element is secret by its name, or is SASL's (RFC 6120 6.4).
local function take_element (s)
  local text = s.text
  local _, to, name = text:find("^<([%a_][%w_.:%-]*)", s.at)
  if not name then return emit(s, s.at) end
  local attributes = text:match("^[^<>]*", to + 1)
  local is_open = not attributes:find "/$"
  if not is_open
     or not is_secret(name:match "[^:]*$") and not attributes:find "urn:[^'\"]*:?sasl" then
    return emit(s, to)
  end
  emit(s, to)
  s.out[#s.out + 1] = scan(attributes, s.is_cut, true, s.depth + 1)
  s.at = s.at + #attributes
  if text:sub(s.at, s.at) ~= ">" then return end
  emit(s, s.at)
  local stop = text:find("</" .. name, s.at, true)
  -- an element of that name within it: which end is its own is not looked for
  if not stop or text:sub(s.at, stop - 1):find("<" .. name, 1, true) then
    stop = #text + 1
  end
  if stop > s.at then mask(s, stop) end
end

-- ://user:password@: to the last '@' before white space, as an error of the parser.
local function take_authority (s)
  local text = s.text
  if s.at < (s.no_user or 0) then return end
  local stop = text:find("%s", s.at) or #text + 1
  local run = text:sub(s.at, stop - 1)
  local user = run:match "^.*@"
  local may_be_user = not run:find "[/?#]" or run:find "^[^/?#]*:%d*[^%d/?#]"
  if s.is_cut and stop > #text and (user or may_be_user) then
    mask(s, stop)             -- an '@' may follow
  elseif user and user:find "[/?#]" then
    -- of a password, or of a path or a query, whose value it may be part of
    local has_more = s.depth >= DEPTH or scan(run, false, true, s.depth + 1) ~= run
    mask(s, has_more and end_of_line(text, stop) or stop)
  elseif user then
    mask(s, s.at + #user - 1)
  else
    s.no_user = stop
  end
end

-- One that is percent-encoded may be text with names of its own: a URL in a query.
local function has_encoded (s, word)
  local plain = word:find("%", 1, true) and decode_percent(word)
  if not plain or plain == word then return false end
  return s.depth >= DEPTH or scan(plain, false, true, s.depth + 1) ~= plain
end

local function take_word (s)
  local text, is_first = s.text, s.is_first
  local _, to, word = text:find("^([%w_%-.%%%[%]\\]+)", s.at)
  s.is_first = false
  if word:find("-----BEGIN", 1, true) then      -- PEM
    local _, stop = text:find("%-%-%-%-%-END[^\r\n-]*%-%-%-%-%-", to)
    return mask(s, (stop or #text) + 1)
  end
  local _, sep, mark = text:find("^\\*[\"']?[ \t]*([:=])[=>:]?[ \t]*", to + 1)
  if has_encoded(s, word) then return mask(s, end_of_pair(text, to + 1)) end
  if sep and is_secret(word) then
    emit(s, sep)
    return mask_value(s, mark, text:find('^"', to + 1) ~= nil)
  end
  emit(s, to)
  local lower = word:lower()
  local _, space = text:find("^[ \t]+", s.at)
  if not space then return mask_arguments(s, word, '^"%s*,%s*') end
  if (is_first or word == word:upper()) and not s.is_prose and commands[lower] then
    emit(s, space)
    local stop = end_of_line(text, s.at)
    if stop > s.at then mask(s, stop) end
  elseif schemes[lower] then
    emit(s, space)
    local stop = text:find("%s", s.at) or #text + 1
    if stop > s.at then mask(s, stop) end
  end
end

local function step (s)
  local text = s.text
  local from = text:find('[%w_%%%-\\"<:\r\n]', s.at)
  if not from then return emit(s, #text) end
  if from > s.at then emit(s, from - 1) end
  local char = text:sub(from, from)
  if char == '"' then take_string(s)
  elseif char == "<" then take_element(s)
  elseif char == ":" then
    local _, slashes = text:find("^:\\*/\\*/", from)
    emit(s, slashes or from)
    if slashes then take_authority(s) end
  elseif char == "\r" or char == "\n" then
    s.is_first = true
    emit(s, from)
  else
    take_word(s)
  end
end

function scan (text, is_cut, is_prose, depth)
  local s = {
    text = text, at = 1, out = {}, is_cut = is_cut, is_prose = is_prose, depth = depth,
    is_first = true,
  }
  while s.at <= #text do step(s) end
  return table.concat(s.out)
end

-- Text without secrets. `is_cut`: it goes on, and what is secret may begin before its
-- end; `is_prose`: it is no message of a protocol, and has no commands.
---@param text string
---@param is_cut? boolean
---@param is_prose? boolean
---@return string
function secrets.mask (text, is_cut, is_prose)
  return scan(text, is_cut, is_prose, 0)
end

-- Of text that is refused as a whole, so much as tells which it is: a name that precedes
-- a blank or a colon, or the first characters.
function secrets.quote_begin (text)
  local name = text:match "^%a[%a%-]+%f[%s:]"
  if name and #name <= 24 then text = name .. "..."
  elseif #text > 4 then text = text:sub(1, 4) .. "..." end
  return (text:gsub("[%c\128-\255]", "?"))
end

-- Has it the name of a secret, wherever that is? For bytes that are no text.
---@return integer? at  where the name begins
function secrets.find_name (bytes)
  local at = 1
  repeat
    local from, to, word = bytes:find("([%a][%w_%-]+)", at)
    if not from then return nil end
    if is_secret(word) then return from end
    at = to + 1
  until false
end

return secrets
