# The bench: everything that is measured, and what it is measured against.
BENCH = build/bench
BENCH_BARE = $(addprefix $(BENCH)/,echo limit crowd lws)
BENCH_PEERS = \
  $(if $(wildcard /usr/include/boost/beast.hpp),$(BENCH)/beast) \
  $(if $(shell command -v go 2>/dev/null),$(if $(wildcard \
    /usr/share/gocode/src/github.com/gorilla/websocket),$(BENCH)/gorilla))
BENCH_LUAS = lua5.4 $(if $(wildcard /usr/include/luajit-2.1),$(shell \
  command -v luajit >/dev/null 2>&1 && echo luajit))
BENCH_C = $(CC) -std=gnu99 -O2 -g -D_GNU_SOURCE $(WARNINGS) -o $@ \
  $(filter %.c,$^)

.PHONY: bench bench-quick bench-count bench-hosts bench-requests bench-deps bench-build

# About a quarter of an hour; writes bench/results.md and its chart.
bench: bench-build
	@python3 bench/run.py

# Less than a minute once built: the loads that tell most, nothing written.
bench-quick: bench-build
	@python3 bench/run.py --quick

# Instructions, not time: for a busy machine.
bench-count: bench-build
	@python3 bench/count.py

# What a request takes, with 1, 100 and 10,000 under way.
bench-requests: bench-build
	@python3 bench/requests.py

# In the event loops of others, beside the module's own; RESTY=DIR: and beside the
# lua-resty-websocket whose resty/websocket is there.
bench-hosts: bench-build
	@python3 bench/hosts/hosts.py $(if $(RESTY),--resty $(RESTY))

bench-deps:
	@bench/deps $(BENCH)

bench-build: $(BENCH_BARE)
	@for lua in $(BENCH_LUAS); do \
	  $(MAKE) --no-print-directory -s -j$(JOBS) build LUA=$$lua \
	    >$(BENCH)/$$lua.log 2>&1 || \
	    echo "wsmanager does not build for $$lua: left out (see $(BENCH))" >&2; \
	done
	@for peer in $(BENCH_PEERS); do \
	  $(MAKE) --no-print-directory -s $$peer || \
	    echo "$$peer does not build: left out (see $(BENCH))" >&2; \
	done

$(BENCH)/lws: bench/clients/lws.c bench/wire.c bench/wire.h
	@mkdir -p $(@D)
	$(BENCH_C) $(shell pkg-config --cflags --libs libwebsockets) -lssl -lcrypto

$(BENCH)/%: bench/%.c bench/wire.c bench/wire.h
	@mkdir -p $(@D)
	$(BENCH_C) -lssl -lcrypto

$(BENCH)/beast: bench/clients/beast.cpp $(BENCH)/wire.o
	g++ -O2 -o $@ $^ -lssl -lcrypto -lpthread

$(BENCH)/wire.o: bench/wire.c bench/wire.h
	@mkdir -p $(@D)
	$(CC) -std=gnu99 -O2 -D_GNU_SOURCE $(WARNINGS) -c -o $@ $<

$(BENCH)/gorilla: bench/clients/gorilla.go
	@mkdir -p $(@D)
	GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$(abspath $(BENCH))/go \
	  go build -o $@ $<

.PHONY: bench-love
bench-love: test-deps
	@$(MAKE) --no-print-directory -s bundle LUA=luajit >/dev/null
	@bench/love/run
