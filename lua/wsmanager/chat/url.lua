-- The URL at which a user joins the chat.
-- Depends on nothing. Raises at its caller's line for a session that is none.

local url = {}

local function escape (text)
  return (tostring(text):gsub("[^%w%-._~]", function (byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

--- The URL of the first document, with uid and token percent-encoded.
--- Source: RFC 3986 2.1.
---@param session {protocols: string, socketServer: string, userId: string, chatType: chatTypes, token: string}
---@return string url
function url.getUrl (session)
  if type(session) ~= "table" then
    error("bad argument #1 to 'getUrl' (table expected, got " .. type(session)
      .. ")", 2)
  end
  for _, name in ipairs { "protocols", "socketServer", "userId", "chatType", "token" } do
    local is = type(session[name])
    if is ~= "number" and (is ~= "string" or name == "chatType") then
      error(("bad argument #1 to 'getUrl' (field '%s': %s expected, got %s)"):format(
        name, name == "chatType" and "number" or "string", is), 2)
    end
  end
  return ("%s://%s/ws/%s?mode=%d&token=%s"):format(session.protocols,
    session.socketServer, escape(session.userId), session.chatType,
    escape(session.token))
end

return url
