# LUA chooses the interpreter: lua5.5 lua5.4 lua5.3 lua5.2 lua5.1 luajit, or the
# path of one; a name counts from the environment, too. LUA55=DIR: where Lua 5.5
# is installed, for the tests, if apt has none.
# WERROR=1 makes warnings errors; SANITIZE=1 builds with ASan and UBSan;
# TSAN=1 with ThreadSanitizer;
# PORTABLE=1 without what Linux alone has, as for macOS and the BSDs.
# (Specs have the path of theirs in the environment: make has to be told it.)
ifneq ($(filter environment,$(origin LUA))$(findstring /,$(LUA)),environment)
LUA = lua5.4
endif
CC = gcc
CFLAGS = -O2 -g
PREFIX = /usr/local
LUADIR = $(PREFIX)/share/lua/$(LUA_ABI)
LIBDIR = $(PREFIX)/lib/lua/$(LUA_ABI)
BINDIR = $(PREFIX)/bin
INSTALL = install
JOBS = $(shell nproc 2>/dev/null || echo 2)

LUA_NAME = $(notdir $(LUA))
LUA_ABI = $(or $(filter 5.%,$(patsubst lua%,%,$(LUA_NAME))),$(shell \
  $(LUA) -e 'print(_VERSION:match "%d.%d")'))
LUA_HOME = $(filter-out /usr,$(patsubst %/bin/,%,$(dir $(LUA))))
LUA_INCLUDE = $(or $(if $(wildcard $(LUA_HOME)/include/lua.h),\
  -I$(LUA_HOME)/include),\
  $(shell pkg-config --cflags $(LUA_NAME) 2>/dev/null),\
  $(addprefix -I,$(wildcard /usr/include/$(LUA_NAME)* \
    /usr/local/include/$(LUA_NAME)* /usr/include/lua$(LUA_ABI))))
PACKAGES = libwebsockets libuv openssl zlib
# Asked for once, and not before something is compiled.
INCLUDES = $(eval INCLUDES := -Isrc $(LUA_INCLUDE) \
  $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null))$(INCLUDES)
LIBS = $(or $(shell pkg-config --libs $(PACKAGES) 2>/dev/null),\
  -lwebsockets -luv -lssl -lcrypto -lz -lpthread)

WARNINGS = -Wall -Wextra -pedantic -Wshadow -Wstrict-prototypes \
  -Wmissing-prototypes -Wwrite-strings -Wcast-qual -Wpointer-arith \
  -Wconversion $(if $(WERROR),-Werror)
ifdef TSAN
SANITIZERS = -fsanitize=thread
endif
ifdef SANITIZE
SANITIZERS = -fsanitize=address,undefined -fno-sanitize-recover=undefined \
  -fno-omit-frame-pointer
endif

# A thread that resolves a name may outlive the Lua state: never unload.
ifeq ($(shell uname -s),Darwin)
MODULE = -bundle -undefined dynamic_lookup
else
MODULE = -shared -Wl,-z,nodelete -Wl,--as-needed
endif

OUT = build/$(LUA_NAME)$(if $(SANITIZE),-asan)$(if $(TSAN),-tsan)$(if $(PORTABLE),-portable)
CORE = $(OUT)/wsmanager/core.so
FETCH_SOURCES = $(sort $(wildcard src/fetch/*.c src/lua/fetch/*.c))
CORE_SOURCES = $(filter-out $(FETCH_SOURCES),\
  $(sort $(wildcard src/*/*.c src/*/*/*.c)))
OBJECTS = $(CORE_SOURCES:src/%.c=$(OUT)/obj/%.o)

# wsmanager.fetch is a module of its own, for it needs libcurl. Where that is not
# installed it is left out: CURL=no leaves it out anyway.
CURL_VERSION = 7.88.0
CURL = $(eval CURL := $(shell if pkg-config --exists libcurl 2>/dev/null; then \
  pkg-config --exists 'libcurl >= $(CURL_VERSION)' && echo yes || echo old; \
  elif $(CC) $(CPPFLAGS) -E -include curl/curl.h -x c /dev/null >/dev/null 2>&1; \
    then echo yes; else echo no; fi))$(CURL)
FETCH = $(if $(filter yes,$(CURL)),$(OUT)/wsmanager/fetch/core.so)
CURL_MISSING = $(if $(filter old,$(CURL)),libcurl $(CURL_VERSION) is \
  needed,there are no headers of libcurl (Debian: libcurl4-openssl-dev))
FETCH_OBJECTS = $(FETCH_SOURCES:src/%.c=$(OUT)/obj/%.o)
# What it has a copy of: hidden symbols cannot be shared.
FETCH_SHARED = $(addprefix $(OUT)/obj/,$(addsuffix .o,base/buffer base/error \
  base/keep_loaded base/memory base/span http/head \
  http/joined_headers lua/lclass lua/lfail \
  lua/lheaders))
FETCH_LIBS = $(or $(shell pkg-config --libs libcurl 2>/dev/null),-lcurl)
LUA_FILES = $(shell cd lua && find . -name '*.lua')

.PHONY: all help build build-fetch deps test-deps test test-debian13 cross check lint \
  format spec-programs tsan-check tsan-programs mutants house demo install clean
all: build
build: $(CORE) $(if $(SANITIZE),$(OUT)/lua $(OUT)/faulty.so,$(OUT)/wsm) build-fetch

build-fetch: $(FETCH)
	@$(if $(FETCH),:,echo "wsmanager.fetch is left out: $(CURL_MISSING)")

help:
	@sed -n 's/^#: //p' Makefile

#: build    build/$(LUA)/wsmanager/core.so and build/$(LUA)/wsm, the command line,
#:          which runs in this tree; LUA=lua5.4 (5.1 to 5.5, luajit);
#:          with libcurl's headers wsmanager/fetch/core.so, too
#: install  into PREFIX=/usr/local, with DESTDIR before it
#: bundle   build/$(LUA)/bundle: core.so, wsmanager.lua and libwsmanager.a, for games
#:          and programs that bring all along; SOURCES=DIR: all in core.so
#: rock     build/rock: an archive of what is built from, and the rocks of it
#: rockspecs  those of the release, from those of scm
#: deps     what building needs, by apt (Debian)
#: demo     a chat between two processes; its server is killed on the way
#: demo-web the chat in a browser: it prints an address (SECONDS=60, PORT=8080)
#: pictures docs/pictures: the chat in Chromium, as its spec plays it
#: test     everything: all specs, sanitizers, other Luas, lint
#: test-debian13  the same in a Debian 13 of its own, build/debian13 (root)
#: check    the specs once, under LUA; SPEC="files" for some of them
#: cross    specs on another architecture: ARCH=i386 (32 bit), s390x (big-endian)
#: tsan-check  loops, lookups and Lua states of several threads, under
#:          ThreadSanitizer
#: lint     luacheck, clang-format; changes nothing
#: format   clang-format over all C
#: reference  writes docs/reference, from the annotations in lua/
#: house    the folders, their files and lines, and which folder uses which
#: bench    speed, beside other clients and servers (bench-quick: the gist)
#: bench-count  instructions a message, by valgrind
#: bench-requests  what a request and its answer take, with 10,000 under way
#: bench-hosts  the module in the event loops of others
#: bench-deps   installs the peers of the bench, as far as Debian has them
#: bench-build  what the bench runs; afterwards bench/run.py --help
#: bench-love  what a frame costs in LÖVE
#: docs     README.md and docs/ as a site: build/docs/index.html
#: fuzz     libFuzzer on each parser
#: simulate  SEED=1 DAYS=1: a random world around the managers tells its story;
#:          SEEDS=100: so many, and a sum; CLIENTS=10000: a restart's attempts
#: simulate-mutants  each rule of the manager inverted: which world notices?
#: mutants  SEED=1 COUNT=20: changes the C in so many places; is it noticed?
#: clean    removes build/ and what `luarocks make` leaves in the tree

$(CORE): $(OBJECTS)
	@mkdir -p $(@D)
	$(CC) $(MODULE) $(SANITIZERS) $(LDFLAGS) -o $@ $(OBJECTS) $(LIBS)

$(OUT)/wsmanager/fetch/core.so: $(FETCH_OBJECTS) $(FETCH_SHARED)
	@mkdir -p $(@D)
	$(CC) $(MODULE) $(SANITIZERS) $(LDFLAGS) -o $@ $^ $(FETCH_LIBS)

# The command line, as it runs in this tree. Where Lua is another machine's: none.
$(OUT)/wsm: bin/wsm scripts/wsm
	@mkdir -p $(@D)
	@if command -v $(LUA) >/dev/null; then \
	  scripts/wsm $(LUA) "$(CURDIR)/lua" "$(abspath $(OUT))" > $@ && chmod +x $@; fi

# Asked for once.
$(OBJECTS) $(FETCH_OBJECTS): | $(OUT)/headers
$(OUT)/headers:
	@mkdir -p $(@D)
	@scripts/headers '$(LUA_NAME)' '$(CC)' $(CFLAGS) $(INCLUDES) $(CPPFLAGS)
	@touch $@

$(FETCH_OBJECTS): CURL_CFLAGS = $(shell pkg-config --cflags libcurl 2>/dev/null)

# The other rooms know no system: their specs run on 32 bit without this.
ifdef PORTABLE
$(filter $(OUT)/obj/base/% $(OUT)/obj/io/%,$(OBJECTS)): PORTABLY = -include \
  spec/support/portable.h
endif

$(OUT)/obj/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	$(CC) -std=gnu99 $(CFLAGS) -fPIC $(WARNINGS) \
	  $(SANITIZERS) $(INCLUDES) $(CURL_CFLAGS) $(PORTABLY) $(CPPFLAGS) \
	  -MMD -MP -c -o $@ $<

-include $(OBJECTS:.o=.d) $(FETCH_OBJECTS:.o=.d)

# A sanitized module wants the sanitizer's runtime loaded before anything else.
$(OUT)/lua: scripts/sanitized-lua $(OUT)/alone.so
	scripts/sanitized-lua $(CC) $(LUA) $(abspath $(OUT)/alone.so) > $@
	@chmod +x $@

$(OUT)/alone.so: spec/support/alone.c
	@mkdir -p $(@D)
	$(CC) -shared -fPIC -o $@ $<

# A module with one fault of each kind, to see that the sanitizers see.
$(OUT)/faulty.so: spec/support/faulty.c
	@mkdir -p $(@D)
	$(CC) -O1 -g -shared -fPIC $(SANITIZERS) $(INCLUDES) -o $@ $<

# What specs run.
spec-programs: $(OUT)/loops $(OUT)/connects $(OUT)/adoptions \
  $(OUT)/states.so $(OUT)/processes.so $(OUT)/suspends.so $(OUT)/names.so \
  $(OUT)/lapses.so $(OUT)/nginxes.so

LOOPS = $(filter src/base/% src/io/%,$(CORE_SOURCES))

$(OUT)/loops $(OUT)/connects $(OUT)/adoptions: $(OUT)/%: spec/support/%.c \
  $(LOOPS:src/%.c=$(OUT)/obj/%.o)
	@mkdir -p $(@D)
	$(CC) -O1 -g $(SANITIZERS) $(INCLUDES) $(LDFLAGS) -o $@ $^ $(LIBS)

$(OUT)/states.so $(OUT)/processes.so: $(OUT)/%.so: spec/support/%.c
	@mkdir -p $(@D)
	$(CC) -O1 -g -shared -fPIC $(SANITIZERS) $(INCLUDES) -o $@ $<

# Preloaded by specs, after a sanitizer's runtime.
$(OUT)/names.so $(OUT)/suspends.so $(OUT)/lapses.so \
  $(OUT)/nginxes.so: $(OUT)/%.so: spec/support/%.c
	@mkdir -p $(@D)
	$(CC) -O1 -g -shared -fPIC $(INCLUDES) -o $@ $<

# Loops, lookups and Lua states of several threads, under ThreadSanitizer.
tsan-check:
	@$(MAKE) --no-print-directory -s TSAN=1 build tsan-programs
	@CC=$(CC) scripts/tsan build/$(LUA_NAME)-tsan $(LUA)

tsan-programs: $(OUT)/loops $(OUT)/states.so $(OUT)/faulty.so

deps:
	@scripts/deps build $(LUA_NAME)

test-deps:
	@scripts/deps test $(LUA_NAME)

test: test-deps
	@scripts/test $(JOBS) WERROR=$(WERROR) CC=$(CC)

test-debian13:
	@scripts/in-debian trixie build/debian13 make test WERROR=$(WERROR)

cross: ARCH = i386
cross:
	@scripts/cross $(ARCH) $(SPEC)

# The suite once, under LUA; SPEC names files to run instead of all.
check: build spec-programs
	$(if $(SPEC),,@scripts/deps test $(LUA_NAME))
	@scripts/suite -j$(JOBS) $(OUT) $(if $(SANITIZE),$(OUT)/lua,$(LUA)) $(SPEC)

lint:
	@scripts/lint

SEED = 1
COUNT = 20
mutants: test-deps
	@scripts/mutants $(SEED) $(COUNT)

format:
	@clang-format -i $(shell find src spec bench examples fuzz scripts simulate \
	  -name '*.[ch]')

house:
	@$(MAKE) --no-print-directory -s build
	@$(LUA) scripts/house.lua $(OUT)/obj

demo:
	@scripts/deps demo $(LUA_NAME)
	@$(MAKE) --no-print-directory -s -j$(JOBS) build
	@LUA_PATH="lua/?.lua;lua/?/init.lua;$${LUA_PATH:-;}" \
	LUA_CPATH="$(OUT)/?.so;$${LUA_CPATH:-;}" $(LUA) examples/chat/demo.lua

install: build
	$(INSTALL) -d $(DESTDIR)$(LIBDIR)/wsmanager
	$(INSTALL) -s -m 755 $(CORE) $(DESTDIR)$(LIBDIR)/wsmanager/core.so
	$(if $(FETCH),$(INSTALL) -d $(DESTDIR)$(LIBDIR)/wsmanager/fetch)
	$(if $(FETCH),$(INSTALL) -s -m 755 $(FETCH) \
	  $(DESTDIR)$(LIBDIR)/wsmanager/fetch/core.so)
	for f in $(LUA_FILES); do \
	  $(INSTALL) -d "$(DESTDIR)$(LUADIR)/$$(dirname $$f)" && \
	  $(INSTALL) -m 644 "lua/$$f" "$(DESTDIR)$(LUADIR)/$$f" || exit 1; \
	done
	$(INSTALL) -d $(DESTDIR)$(BINDIR)
	scripts/wsm $(LUA) $(LUADIR) $(LIBDIR) > $(OUT)/wsm.installed
	$(INSTALL) -m 755 $(OUT)/wsm.installed $(DESTDIR)$(BINDIR)/wsm

clean:
	rm -rf build
	rm -f $(CORE_SOURCES:.c=.o) $(FETCH_SOURCES:.c=.o) wsmanager/core.so \
	  wsmanager/fetch/core.so
	@rmdir wsmanager/fetch wsmanager 2>/dev/null || true

-include scripts/bundle/bundle.mk
-include scripts/docs/docs.mk
-include scripts/release/release.mk
-include bench/bench.mk
-include scripts/reference/reference.mk
-include fuzz/fuzz.mk
-include simulate/simulate.mk
-include examples/chat/web/web.mk
