-- The URL at which a user joins the chat.
-- Depends on nothing.

local url = {}

local function escape (text)
  return (tostring(text):gsub("[^%w%-._~]", function (byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

--- The seed's getUrl.
---@param session {protocols: string, socketServer: string, userId: string, chatType: chatTypes, token: string}
---@return string url   uid and token percent-encoded (RFC 3986 2.1)
function url.getUrl (session)
  return ("%s://%s/ws/%s?mode=%d&token=%s"):format(session.protocols,
    session.socketServer, escape(session.userId), session.chatType,
    escape(session.token))
end

return url
