# hone: one executable. `make help` lists the targets.
#   make WERROR=1                      warnings are errors (CI)
#   make SAN=address,undefined test    the same with sanitizers, in a build folder of its own
#   make V=1                           shows the commands
#   make test TESTS='unit/% e2e/test_run'   only those

CC      ?= gcc
PREFIX  ?= /usr/local
SAN     ?=
TESTS   ?= %
FUZZ_SECONDS ?= 60
comma   := ,
BUILD   := build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
ROOMS   := common proto sql master master/search worker worker/nn cli cli/draw web
VERSION := $(shell cat VERSION)
Q       := $(if $(V),,@)
say      = @printf '  %-5s %s\n' $(1) $@

# All cores, unless the caller said how many (-j1) or a make above us holds the job server.
ifeq ($(MAKELEVEL)$(filter -j% --jobserver%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

# Debian's alternatives name OpenBLAS either way.
BLAS    := $(if $(shell pkg-config --exists openblas && echo yes),openblas,blas-openblas)
PKGS    := libzmq sqlite3 libcjson $(BLAS) libsodium zlib ncursesw libmicrohttpd
NEEDS   := $(filter-out help clean format lint docker cleanroom uninstall,$(or $(MAKECMDGOALS),all))
ifneq ($(NEEDS),)
LACKING := $(shell for p in $(PKGS); do pkg-config --exists $$p || echo $$p; done)
$(if $(LACKING),$(error not installed: $(LACKING); run: tools/install build))
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS))
PKG_LIBS   := $(shell pkg-config --libs $(PKGS)) -llapacke
endif

OPT     := $(if $(SAN),-O1 -fno-omit-frame-pointer,-O2)
SANFLAG := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all)
# Sanitizers confuse gcc's flow analysis: there a warning is no error.
WARN    := -Wall -Wextra -Wshadow -Wundef -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
           -Wcast-qual -Wwrite-strings -Wformat=2 -Wvla $(if $(SAN),,$(if $(WERROR),-Werror))
CFLAGS  += -std=gnu17 -g $(OPT) $(SANFLAG) $(WARN) -fstack-protector-strong -MMD -MP
CPPFLAGS += -D_GNU_SOURCE $(if $(SAN),,-D_FORTIFY_SOURCE=2) -DHONE_VERSION='"$(VERSION)"' -I. $(PKG_CFLAGS)
LDLIBS  += $(PKG_LIBS) -lm -lpthread -ldl

# Samplers replay bit for bit: no fused multiply-adds there. Kernels of nn may use the machine they run on.
$(BUILD)/master/search/%.o: CFLAGS += $(if $(SAN),,-O3) -ffp-contract=off -fno-math-errno -fno-trapping-math
$(BUILD)/worker/nn/%.o: CFLAGS += $(if $(SAN),,-O3) -ffp-contract=off

tests_in = $(filter $(TESTS:%=$(BUILD)/tests/%),$(patsubst %.c,$(BUILD)/%,$(wildcard tests/$(1)/test_*.c)))
SRC     := $(filter-out cli/main.c,$(wildcard $(addsuffix /*.c,$(ROOMS))))
OBJ     := $(SRC:%.c=$(BUILD)/%.o)
TESTOBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/tools/*.c))
scripts_in = $(filter $(TESTS:%=tests/%),$(basename $(wildcard tests/$(1)/test_*.sh)))
SLOW    := $(call tests_in,e2e) $(call tests_in,fault)
QUICK   := $(call tests_in,unit) $(call tests_in,sim)
# What is installed is the executable that is built without sanitizers.
SCRIPTS := $(filter-out $(if $(SAN),tests/e2e/test_install.sh),$(addsuffix .sh,$(call scripts_in,e2e) $(call scripts_in,fault)))
SHIM    := $(BUILD)/tests/fault/shim.so
FUZZ    := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fuzz/fuzz_*.c))
BENCH   := $(patsubst %.c,$(BUILD)/%,$(wildcard bench/*.c) bench/search/fidelity.c)
HOUSE   := $(if $(SAN)$(subst %,,$(TESTS)),,tools/lint tests/unit/test_lint.sh)
RUN     := HONE=$(abspath $(BUILD)/hone) HONE_STAGE='$(or $(STAGE),test$(if $(SAN), $(SAN)))' tests/run

all: $(BUILD)/hone ## build the executable, build/hone

$(BUILD)/hone: $(BUILD)/cli/main.o $(BUILD)/libhone.a
	$(call say,LINK)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/libhone.a: $(OBJ)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/%.o: %.c Makefile VERSION
	$(call say,CC)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# The cellar's text is part of the executable, and so are the pages that `hone help` prints.
$(BUILD)/sql/text.o: $(wildcard sql/*.sql sql/migrate/*.sql)
$(BUILD)/cli/pages.o: $(wildcard docs/*.md proto/*.md examples/*) python/hone/trainer.py

# And the dashboard's page, gzipped. Its chart library comes from npm; without it the page says what to run.
MODULES := web/node_modules
CHARTS  := $(wildcard $(MODULES)/echarts/dist/echarts.min.js)
PAGE    := $(sort $(wildcard web/page/*)) $(CHARTS) build/web/licenses.txt
# What npm unpacks is dated 1985; its own list is as new as what it did last.
CHARTED := $(CHARTS) $(wildcard $(MODULES)/.package-lock.json)
# The licence of the library and of what is in it goes wherever its code goes.
build/web/licenses.txt: $(CHARTED)
	@mkdir -p $(@D)
	$(Q)cat $(if $(CHARTS),$(addprefix $(MODULES)/,echarts/NOTICE echarts/LICENSE echarts/licenses/LICENSE-d3 zrender/LICENSE),/dev/null) > $@
build/web/page.pack: $(PAGE) $(CHARTED) tools/pack-page web/page/
	$(call say,PACK)
	@mkdir -p $(@D)
	$(Q)tools/pack-page $@ $(PAGE)
$(BUILD)/web/page.o: build/web/page.pack

$(BUILD)/tests/unit/% $(BUILD)/tests/sim/% $(BUILD)/tests/e2e/% $(BUILD)/tests/fault/%: LDLIBS += -lcmocka
$(BUILD)/tests/%: $(BUILD)/tests/%.o $(TESTOBJ) $(BUILD)/libhone.a
	$(call say,LINK)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(BUILD)/libhone.a
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/bench/transit: $(BUILD)/tests/tools/crowd.o

# The disk that fails, for LD_PRELOAD: never with sanitizers, the program it is loaded into has its own.
$(SHIM): tests/fault/shim.c tests/tools/shim.h
	$(call say,LINK)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu17 -D_GNU_SOURCE -g -O2 $(WARN) -I. -shared -fPIC -o $@ $<

# A fuzz harness brings its own main: libFuzzer's.
$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/libhone.a
	$(call say,LINK)
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer $(LDFLAGS) -o $@ $^ $(LDLIBS)

cmocka:
	@pkg-config --exists cmocka || tools/install test
$(BUILD)/tests/%.o: | cmocka

check: all $(QUICK) ## unit and sim tests and lint: seconds
	HONE_LINT=all $(RUN) $(QUICK) $(HOUSE)

# Fuzz harnesses are only compiled here, so that none falls behind what it feeds.
test: all $(QUICK) $(SLOW) $(SHIM) $(FUZZ:=.o) ## what the README promises: check, real processes, short fault rounds: minutes
	$(RUN) $(QUICK) $(HOUSE) $(SLOW) $(SCRIPTS)

test-all: ## what CI runs besides `make test`: sanitizers, Python, Slurm, a browser, fuzzing, containers
	tests/all

fuzz: ## each fuzz harness for FUZZ_SECONDS (60), with clang's libFuzzer
	$(Q)$(MAKE) CC=clang SAN=fuzzer-no-link,address,undefined FUZZ_SECONDS=$(FUZZ_SECONDS) fuzz-here
fuzz-here: $(FUZZ)
	FUZZ_SECONDS=$(FUZZ_SECONDS) HONE_STAGE=fuzz tests/run --with tests/fuzz/run $(FUZZ)

valgrind: $(QUICK) ## memcheck over unit and sim tests; what it leaves out is in tests/tools/valgrind.skip
	HONE_TEST_SECONDS=$(or $(HONE_TEST_SECONDS),7200) HONE_STORM_SEEDS=$(or $(HONE_STORM_SEEDS),60) HONE_STAGE=valgrind \
	    $(RUN) --with tests/tools/valgrind $(QUICK)

storm: $(BUILD)/tests/sim/test_storm ## a million seeded storms over the master in one process; HONE_STORM_FIRST goes on
	HONE_STORM_SEEDS=$(or $(HONE_STORM_SEEDS),1000000) $<

chaos: all $(BUILD)/tests/fault/chaos ## ten minutes of killed, stopped and cut off processes under two studies
	HONE=$(abspath $(BUILD)/hone) $(BUILD)/tests/fault/chaos

soak: all $(BUILD)/tests/fault/soak ## half an hour of a master with a thousand simulated workers: memory and WAL stay bounded
	HONE=$(abspath $(BUILD)/hone) $(BUILD)/tests/fault/soak

held: all $(BUILD)/tests/fault/held ## a reader, workers and clients that stand still for minutes under load: nobody else slows
	HONE=$(abspath $(BUILD)/hone) $(BUILD)/tests/fault/held

bench: all $(BENCH) ## every measurement in bench/: one JSON line each
	@for b in $(BENCH); do HONE=$(abspath $(BUILD)/hone) $$b || exit 1; done

bench-search: ## our samplers beside Optuna's (HONE_HPO names the tables; RACE=--noise, --parallel)
	bench/search/compare $(RACE)

cleanroom: ## both README commands in a bare Debian in a folder (needs root)
	tests/cleanroom

docker: ## build the image and try it with a master and two workers
	docker/smoke.sh

lint: ## include directions, refusals, clang-format, cppcheck
	tools/lint --all

format: ## clang-format over the whole tree
	git ls-files -co --exclude-standard '*.c' '*.h' | xargs $$(command -v clang-format-14 || echo clang-format) -i

man: all ## build/hone.1
	$(BUILD)/hone man > $(BUILD)/hone.1

SHARE   := $(DESTDIR)$(PREFIX)/share
install: all ## to PREFIX (/usr/local), with completion files and the man page
	install -Dm755 $(BUILD)/hone $(DESTDIR)$(PREFIX)/bin/hone
	@tools/install-share $(BUILD)/hone $(SHARE)

uninstall: ## what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/hone $(SHARE)/man/man1/hone.1 $(SHARE)/bash-completion/completions/hone \
	    $(SHARE)/zsh/site-functions/_hone $(SHARE)/fish/vendor_completions.d/hone.fish

clean: ## remove build/
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' Makefile

.PHONY: all check test test-all valgrind storm chaos soak held fuzz fuzz-here bench bench-search cleanroom docker lint format man install uninstall clean help cmocka
.SECONDARY:
-include $(shell find $(BUILD) -path '$(BUILD)/san-*' -prune -o -name '*.d' -type f -print 2>/dev/null)
