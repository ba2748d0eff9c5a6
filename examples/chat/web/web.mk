# The chat in a browser, and pictures of it for the README and docs/.
.PHONY: demo-web pictures
demo-web:
	@scripts/deps demo $(LUA_NAME)
	@$(MAKE) --no-print-directory -s -j$(JOBS) build
	@LUA_PATH="lua/?.lua;lua/?/init.lua;$${LUA_PATH:-;}" \
	LUA_CPATH="$(OUT)/?.so;$${LUA_CPATH:-;}" \
	exec $(LUA) examples/chat/web/demo.lua $(if $(SECONDS),seconds=$(SECONDS)) \
	  $(if $(PORT),port=$(PORT))

pictures: build
	@scripts/deps test $(LUA_NAME)
	@mkdir -p docs/pictures; PICTURES=docs/pictures scripts/suite $(OUT) $(LUA) spec/whole/chat_page_spec.lua
