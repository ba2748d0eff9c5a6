# make docs: README.md and docs/ as one static site, build/docs/index.html.

.PHONY: docs

docs:
	@scripts/deps docs $(LUA_NAME)
	@python3 scripts/docs/build.py build/docs
