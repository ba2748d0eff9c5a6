# make bundle: the module for who ships it with a program. SOURCES=DIR: a folder with the
# unpacked sources of libuv and libwebsockets, to be linked into core.so.

.PHONY: bundle bundle-objects

BUNDLE_LIBRARIES = $(OUT)/bundle-libraries

bundle: $(if $(SOURCES),,$(CORE))
	@OBJECTS="$(OBJECTS)" LUA_INCLUDE="$(LUA_INCLUDE)" LIBS="$(LIBS)" \
	  INCLUDES="$(if $(SOURCES),,$(INCLUDES))" CC="$(CC)" MAKE="$(MAKE)" \
	  LUA_NAME="$(LUA_NAME)" \
	  scripts/bundle/make $(OUT) $(LUA) $(SOURCES)

bundle-objects: $(OBJECTS)
