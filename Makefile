# hone: one executable. `make help` lists the targets.
#   make SAN=address,undefined test    the same with sanitizers, in a build folder of its own
#   make WERROR=1                      warnings are errors (CI)

CC      ?= gcc
PREFIX  ?= /usr/local
SAN     ?=
comma   := ,
BUILD   := build$(if $(SAN),/san-$(subst $(comma),-,$(SAN)))
ROOMS   := common proto sql master master/search worker worker/nn cli web
PKGS    := libzmq sqlite3 libcjson openblas lapacke libsodium zlib

VERSION := $(shell cat VERSION)
OPT     := $(if $(SAN),-O1 -fno-omit-frame-pointer,-O2)
SANFLAG := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all)
WARN    := -Wall -Wextra -Wshadow -Wundef -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
           -Wcast-qual -Wwrite-strings -Wformat=2 -Wvla $(if $(WERROR),-Werror)
CFLAGS  += -std=gnu17 -g $(OPT) $(SANFLAG) $(WARN) -fstack-protector-strong -MMD -MP
CPPFLAGS += -D_GNU_SOURCE -D_FORTIFY_SOURCE=$(if $(SAN),0,2) -DHONE_VERSION='"$(VERSION)"' -I. $(shell pkg-config --cflags $(PKGS))
LDLIBS  += $(shell pkg-config --libs $(PKGS)) -lm -lpthread -ldl

# Samplers replay bit for bit: no fused multiply-adds there. Kernels of nn may use the machine they run on.
$(BUILD)/master/search/%.o: CFLAGS += -ffp-contract=off
$(BUILD)/worker/nn/%.o: CFLAGS += $(if $(SAN),,-O3) -ffp-contract=off

SRC     := $(filter-out cli/main.c,$(wildcard $(addsuffix /*.c,$(ROOMS))))
OBJ     := $(SRC:%.c=$(BUILD)/%.o)
UNIT    := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/unit/test_*.c))
SIM     := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/sim/test_*.c))
E2E     := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/e2e/test_*.c))
FAULT   := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/fault/test_*.c))
TESTOBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard tests/tools/*.c))

all: $(BUILD)/hone ## build the executable build/hone

$(BUILD)/hone: $(BUILD)/cli/main.o $(BUILD)/libhone.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/libhone.a: $(OBJ)
	@rm -f $@
	ar rcs $@ $^

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -c -o $@ $<

# The cellar's text is part of the executable.
$(BUILD)/sql/text.o: $(wildcard sql/*.sql sql/migrate/*.sql)

$(BUILD)/tests/%: $(BUILD)/tests/%.o $(TESTOBJ) $(BUILD)/libhone.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)

$(BUILD)/bench/%: $(BUILD)/bench/%.o $(BUILD)/libhone.a
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

check: $(UNIT) $(SIM) ## unit and sim tests and lint: seconds
	tests/run $(UNIT) $(SIM)
	$(MAKE) lint

test: all $(UNIT) $(SIM) $(E2E) $(FAULT) ## what the README promises: check, real processes, short fault rounds: minutes
	HONE=$(abspath $(BUILD)/hone) tests/run $(UNIT) $(SIM) $(E2E) $(FAULT)

test-all: ## everything CI runs besides `make test`: Python peers, sanitizers, fuzzing, containers, ...
	tests/all

lint: ## include directions, cppcheck
	tools/lint

format: ## clang-format over the whole tree
	git ls-files '*.c' '*.h' | xargs clang-format -i

install: all ## to PREFIX (/usr/local)
	install -Dm755 $(BUILD)/hone $(DESTDIR)$(PREFIX)/bin/hone

clean: ## remove build/
	rm -rf build

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' Makefile

.PHONY: all check test test-all lint format install clean help
.SECONDARY:
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
