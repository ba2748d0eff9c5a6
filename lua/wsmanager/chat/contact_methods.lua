-- The methods of a chat that are about its contacts: who they are, typing, the past.
-- Depends on the files of this folder; the chat is given.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local checks = require "wsmanager.chat.checks"
local contacts = require "wsmanager.chat.contacts"
local chat_options = require "wsmanager.chat.options"
local frames = require "wsmanager.chat.frames"
local message = require "wsmanager.chat.message"
local receiving = require "wsmanager.chat.receiving"

local bad_argument = arguments.fail
local call_at_level = arguments.call_at_level
local now = core.now
local action = message.action

---@class chat
local methods = {}

local function contact_of (self, method, name, position)
  if name == nil then name = self.peer end
  if type(name) ~= "string" then
    error(("bad argument #%d to '%s' (string expected, got %s%s)")
      :format(position or 1, method, type(name), name == nil
        and ", and there is no option 'peer'" or ""), 0)
  end
  return self.contacts_known:find(name)
end

--- A contact: a room by its name, or another user by his.
---@param name? string  default: the option `peer`
---@return chat.contact? contact  nil: it is not known
function methods:contact (name)
  checks.self(self, "contact")
  local contact = call_at_level(2, contact_of, self, "contact", name)
  if not contact then return nil end
  return contacts.refresh(contact, now())
end

--- All contacts, by name.
---@return chat.contact[] contacts
function methods:contacts ()
  checks.self(self, "contacts")
  local list = self.contacts_known:list()
  for _, contact in ipairs(list) do
    contacts.refresh(contact, now())
  end
  return list
end

-- Seconds after which a notice of typing is sent again.
local TYPING_AGAIN = 3

--- Tells others that this user types, or has stopped. It may be called at each key: a
--- notice is sent every 3 s. It is not kept while there is no connection.
---@param is_typing? boolean  default: true
---@param name? string        a contact's; default: the option `peer`
---@return boolean sent
function methods:typing (is_typing, name)
  checks.self(self, "typing")
  if is_typing ~= nil and type(is_typing) ~= "boolean" then
    bad_argument(1, "#1 to 'typing' (boolean", is_typing)
  end
  local contact = call_at_level(2, contact_of, self, "typing", name, 2)
  name = contact and contact.name or name or self.peer
  local types = is_typing ~= false
  local last = self.typed[1] == name and self.typed[2] or nil
  if types and last and now() - last < TYPING_AGAIN then return false end
  if not self.online then return false end
  self.typed = types and { name, now() } or {}
  local is_room = contact and contact.store
  return self.ws:send(message.encode {
    action = action.typing, typing = types, room = is_room and name or nil,
    receiverId = not is_room and name or nil, senderId = self.uid,
  }, "text", { volatile = true }) == true
end

--- Messages of the past, as the server has them; they are merged into
--- `contact.messages`. Messages that come meanwhile are kept for receive().
---@param name? string  a contact's; default: the option `peer`
---@param which? {before: integer?, after: integer?, limit: integer?}  numbers `seq`; default: the last 100
---@param timeout? number  seconds; default: 10
---@return Message[]? messages
---@return wsmanager.Token? token  "timeout", "closed", "full"
---@return string? detail  why
function methods:history (name, which, timeout)
  checks.self(self, "history")
  timeout = checks.timeout(3, "history", timeout) or 10
  if which ~= nil and type(which) ~= "table" then
    bad_argument(1, "#2 to 'history' (table", which)
  end
  call_at_level(2, chat_options.check_which, which or {})
  local contact = call_at_level(2, contact_of, self, "history", name)
  if not contact then
    return nil, "closed", "there is no contact " .. (name or self.peer)
  end
  local is_done, list, why = false, nil, nil
  local ok, token, detail = frames.ask(self, contact, which or {},
    function (found, reason) is_done, list, why = true, found, reason end)
  if not ok then return nil, token, detail end
  ok, token, detail = receiving.keep_until(self, receiving.to_deadline(timeout),
    function () return is_done end)
  if not ok then return nil, token, detail end
  if why then return nil, "closed", why end
  return list
end

return methods
