local users = require "wsmanager.run.users"

local is_repeated = users.is_repeated

describe("the ids of a server's users", function ()
  it("are of one user each, over connections", function ()
    local all = users.new()
    local ann, bob = all:enter "ann", all:enter "bob"
    assert.is_false(is_repeated(ann, "1"))
    assert.is_true(is_repeated(ann, "1"))
    assert.is_false(is_repeated(bob, "1"))
    all:leave(ann)
    ann = all:enter "ann"
    assert.is_true(is_repeated(ann, "1"))
    assert.equal(ann, all:enter "ann")
    all:leave(ann)
    assert.equal(ann, all:enter "ann")
  end)

  it("are the last 4096 of each", function ()
    local ids = users.new():enter "ann"
    for i = 1, 4097 do assert.is_false(is_repeated(ids, tostring(i))) end
    assert.is_true(is_repeated(ids, "2"))
    assert.is_true(is_repeated(ids, "4097"))
    assert.is_false(is_repeated(ids, "1"))      -- and now 2 is the oldest, which goes
    assert.is_false(is_repeated(ids, "2"))
    local count = 0
    for _ in pairs(ids.has) do count = count + 1 end
    assert.equal(4096, count)
    assert.equal(4096, #ids.ring)
  end)

  it("are no more than 16 MiB of users without a connection: who left first is forgotten",
    function ()
      local all, here = users.new(), {}
      local long = ("x"):rep(120)
      local function come (name)
        local ids = all:enter(name)
        if not here[name] then
          for i = 1, 4096 do is_repeated(ids, i .. long) end
        end
        here[name] = ids
        return ids
      end
      come "stays"
      for i = 1, 20 do
        all:leave(come("user " .. i))
        if i == 10 then       -- comes back, so that it left last
          all:leave(come "user 1")
        end
        assert.is_true(all.bytes <= 16 * 1024 * 1024)
      end
      assert.is_true(is_repeated(all:enter "stays", "1" .. long))
      assert.is_true(is_repeated(all:enter "user 1", "1" .. long))
      assert.is_true(is_repeated(all:enter "user 20", "1" .. long))
      assert.is_false(is_repeated(all:enter "user 2", "1" .. long))
    end)

  it("are nothing of those who had none", function ()
    local all = users.new()
    for i = 1, 10 do all:leave(all:enter(i)) end
    assert.is_nil(next(all.by_name))
    assert.equal(0, all.bytes)
  end)

  it("may come after their user has left", function ()
    local all = users.new()
    local ids = all:enter "ann"
    is_repeated(ids, "1")
    all:leave(ids)
    is_repeated(ids, "2")
    assert.equal(ids, all:enter "ann")
    assert.equal(0, all.bytes)
    assert.is_true(is_repeated(ids, "2"))
  end)
end)
