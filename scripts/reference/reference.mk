.PHONY: reference
reference: build
	@LUA_PATH="lua/?.lua;lua/?/init.lua;;" LUA_CPATH="$(OUT)/?.so;;" \
	  $(LUA) scripts/reference/make.lua
