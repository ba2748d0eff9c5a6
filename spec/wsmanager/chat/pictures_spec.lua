local pictures = require "wsmanager.chat.pictures"

describe("the pictures", function ()
  for _, name in ipairs { "doctor", "chat" } do
    it("have the bytes of " .. name .. ".png", function ()
      local file = assert(io.open("examples/chat/" .. name .. ".png", "rb"))
      assert.equal(file:read "*a", pictures[name])
      file:close()
      assert.same({ 48, 48 }, { pictures.size(pictures[name]) })
    end)
  end
end)
