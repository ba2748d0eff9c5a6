# make fuzz: each target for FUZZ_SECONDS under libFuzzer, ASan and UBSan. What
# it learns stays in build/fuzz/TARGET; an input that fails is found-TARGET-*
# beside it. make fuzz-corpus: the least of what is known with the same
# coverage, kept in fuzz/corpus. make fuzz-replay: runs these once more,
# with any compiler that has the sanitizers. fuzz-lua, a part of make fuzz: those
# that are Lua programs, under the sanitized module.
FUZZ_TARGETS = url handshake proxy deflate session tap manager server tls
FUZZ_LUA_TARGETS = options json
FUZZ_SECONDS = 60
FUZZ_CC = clang
FUZZ_LIBS = $(or $(shell pkg-config --libs openssl zlib 2>/dev/null),\
  -lssl -lcrypto -lz)
FUZZ_PARTS = $(wildcard $(addsuffix /*.c,$(addprefix src/,\
  base http websocket proxy observe manager tls)))
FUZZ_TOOLS = $(addprefix fuzz/,delivery.c model.c notes.c peer.c policy.c \
  receiving.c tls_identity.c world.c)
FUZZ_OUT = build/fuzz
FUZZ_OBJECTS = $(patsubst %.c,$(FUZZ_OUT)/obj/%.o,$(FUZZ_PARTS) $(FUZZ_TOOLS))
FUZZ_CHECKS = -fsanitize=address,undefined -fno-sanitize-recover=undefined \
  -fno-omit-frame-pointer
REPLAY_OBJECTS = $(FUZZ_PARTS:src/%.c=$(OUT)/obj/%.o) \
  $(FUZZ_TOOLS:%.c=$(OUT)/obj/%.o) $(OUT)/obj/fuzz/replay.o

.PHONY: fuzz fuzz-lua fuzz-deps fuzz-build fuzz-corpus fuzz-replay replay-build
.SECONDARY: $(FUZZ_OBJECTS) $(REPLAY_OBJECTS)

fuzz: fuzz-deps
	@$(MAKE) --no-print-directory -s -j$(JOBS) fuzz-build
	@set -e; for target in $(FUZZ_TARGETS); do \
	  fuzz/run fuzz $$target $(FUZZ_SECONDS); done
	@$(MAKE) --no-print-directory -s fuzz-lua

fuzz-lua:
	@$(MAKE) --no-print-directory -s -j$(JOBS) SANITIZE=1 build
	@set -e; for target in $(FUZZ_LUA_TARGETS); do \
	  fuzz/run lua $$target $(FUZZ_SECONDS) build/$(LUA_NAME)-asan; done

fuzz-deps:
	@scripts/deps fuzz $(LUA_NAME)

fuzz-build: $(FUZZ_TARGETS:%=$(FUZZ_OUT)/fuzz-%)

fuzz-corpus: fuzz-build
	@set -e; for target in $(FUZZ_TARGETS); do fuzz/run keep $$target; done

fuzz-replay:
	@$(MAKE) --no-print-directory -s SANITIZE=1 replay-build

replay-build: $(FUZZ_TARGETS:%=$(OUT)/replay-%)
	@set -e; for target in $(FUZZ_TARGETS); do \
	  fuzz/run replay $$target $(OUT)/replay-$$target; done

$(FUZZ_OUT)/fuzz-%: $(FUZZ_OUT)/obj/fuzz/%.o $(FUZZ_OBJECTS)
	$(FUZZ_CC) $(FUZZ_CHECKS) -fsanitize=fuzzer -o $@ $^ $(FUZZ_LIBS)

$(FUZZ_OUT)/obj/%.o: %.c fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(FUZZ_CC) -std=gnu99 -O1 -g $(WARNINGS) $(FUZZ_CHECKS) \
	  -fsanitize=fuzzer-no-link -Isrc $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(OUT)/replay-%: $(OUT)/obj/fuzz/%.o $(REPLAY_OBJECTS)
	$(CC) $(SANITIZERS) $(LDFLAGS) -o $@ $^ $(FUZZ_LIBS)

$(OUT)/obj/fuzz/%.o: fuzz/%.c Makefile fuzz/fuzz.mk
	@mkdir -p $(@D)
	$(CC) -std=gnu99 $(CFLAGS) $(WARNINGS) $(SANITIZERS) -Isrc $(CPPFLAGS) \
	  -MMD -MP -c -o $@ $<

-include $(wildcard $(FUZZ_OUT)/obj/*/*.d $(FUZZ_OUT)/obj/*/*/*.d \
  $(OUT)/obj/fuzz/*.d)
