local chat = require "wsmanager.chat"

describe("the pictures", function ()
  for _, name in ipairs { "doctor", "chat" } do
    it("have the bytes of " .. name .. ".png", function ()
      local file = assert(io.open("examples/chat/" .. name .. ".png", "rb"))
      assert.equal(file:read "*a", chat[name .. "Img"])
      file:close()
      assert.same({ 48, 48 }, { chat.size(chat[name .. "Img"]) })
    end)
  end
end)
