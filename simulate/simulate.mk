# make simulate: random worlds around the pure part; see simulate/main.c. It links
# objects of src/ and libcrypto and zlib, no driver and no Lua.
SIMULATE_PARTS = $(wildcard $(addsuffix /*.c,$(addprefix src/,\
  base http websocket proxy observe manager)))
SIMULATE_FILES = $(wildcard simulate/*.c)
SIMULATE_OBJECTS = $(SIMULATE_FILES:%.c=$(OUT)/obj/%.o)
SIMULATE_ARGUMENTS = SEED=$(SEED) SEEDS=$(SEEDS) DAYS=$(DAYS) \
  CLIENTS=$(CLIENTS) JOBS=$(JOBS)

.PHONY: simulate simulate-build simulate-mutants

simulate: simulate-build
	@$(OUT)/simulate $(SIMULATE_ARGUMENTS)

# Each rule that the manager decides, inverted; RULE="word" for some of them.
simulate-mutants: simulate-build
	@simulate/inverted.py $(OUT) "$(CC)" $(RULE)

simulate-build:
	@$(MAKE) --no-print-directory -s -j$(JOBS) $(OUT)/simulate

$(OUT)/simulate: $(SIMULATE_OBJECTS) $(SIMULATE_PARTS:src/%.c=$(OUT)/obj/%.o)
	$(CC) $(SANITIZERS) $(LDFLAGS) -o $@ $^ $(FUZZ_LIBS) -lm -lpthread

$(OUT)/obj/simulate/%.o: simulate/%.c Makefile simulate/simulate.mk
	@mkdir -p $(@D)
	$(CC) -std=gnu99 $(CFLAGS) $(WARNINGS) $(SANITIZERS) -Isrc $(CPPFLAGS) \
	  -MMD -MP -c -o $@ $<

-include $(SIMULATE_OBJECTS:.o=.d)
