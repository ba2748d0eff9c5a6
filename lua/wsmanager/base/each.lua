-- each(t): `pairs`, for what runs within a turn of the loop.
-- Depends on nothing.
--
-- A finalizer may turn the loop, and there a `for` over what is called `pairs` may
-- never end once LuaJIT 2.1 (as of 2022) has compiled it. By another name it is
-- compiled otherwise.

return pairs
