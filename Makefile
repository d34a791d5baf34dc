# lsqnet: `make help` lists the targets. Everything generated goes to $(BUILD).

BUILD ?= build
ifeq ($(origin CC),default)
CC = gcc
endif
CFLAGS ?= -O2 -g
LUA ?= lua5.4
LUA_INCDIR ?= /usr/include/lua5.4
LUA_LIBS ?= -llua5.4
JOBS ?= $(shell getconf _NPROCESSORS_ONLN)

PREFIX ?= /usr/local
LUADIR ?= $(PREFIX)/share/lua/5.4
LIBDIR ?= $(PREFIX)/lib/lua/5.4
BINDIR ?= $(PREFIX)/bin
INCDIR ?= $(PREFIX)/include

# OPENMP=no builds for one thread, without the OpenMP runtime; what only its pragmas use is unused.
OPENMP ?= yes
OPENMP_FLAGS = $(if $(filter no,$(OPENMP)),-Wno-unknown-pragmas -Wno-unused-variable,-fopenmp)

# make V=1 shows the compiler's command lines.
SHOW = $(if $(V),,@echo '  $(1)';)

WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes
ALL_CFLAGS = -std=c11 -D_POSIX_C_SOURCE=200809L $(WARN) -fPIC -fvisibility=hidden $(OPENMP_FLAGS) \
  -ffp-contract=fast -Icsrc -I$(LUA_INCDIR) $(CFLAGS)
# nodelete: closing a Lua state must not unload libgomp under its own threads.
LINK_MODULE = $(CC) -shared -Wl,-z,nodelete $(OPENMP_FLAGS) $(LDFLAGS)

MODULE = $(BUILD)/lsqnet/core.so
# One file a concern, one folder a room; csrc/mpi and csrc/predict are modules of their own.
SOURCES := $(filter-out csrc/mpi/% csrc/predict/%,$(wildcard csrc/*/*.c csrc/*/*/*.c))
OBJECTS := $(SOURCES:%.c=$(BUILD)/%.o)
LUA_FILES := $(shell find lua/lsqnet -name '*.lua')
# Programs in C that open Lua and load the module: the specs run them.
SPEC_HOSTS := $(patsubst spec/hosts/%.c,$(BUILD)/hosts/%,$(wildcard spec/hosts/*.c))
HOSTS := $(SPEC_HOSTS) $(BUILD)/hosts/embed
# Counts parallel regions where a spec loads it before everything else.
REGIONS = $(BUILD)/hosts/regions.so

quote = '$(subst ','\'',$(1))'
DATA := $(or $(LSQNET_DATA),$(firstword $(wildcard data ../shared/data)),data)
PATH_VALUE = $(call quote,$(CURDIR)/lua/?.lua;$(CURDIR)/lua/?/init.lua;;)
CPATH_VALUE = $(call quote,$(abspath $(BUILD))/?.so;;)
DATA_VALUE = $(call quote,$(abspath $(DATA)))
COMMAND = lua/lsqnet/bin/lsqnet
COMMAND_FOLDER = $(call quote,$(CURDIR)/lua/lsqnet/bin)
WITH_ENV = LUA_PATH=$(PATH_VALUE) LUA_CPATH=$(CPATH_VALUE) LSQNET_DATA=$(DATA_VALUE)
SUBMAKE = +@$(MAKE) --no-print-directory

.PHONY: build help deps deps-develop env hosts all-hosts test demo bench reproduction results check \
  asan tsan valgrind docs install uninstall clean force

# Compiles with all cores, unless make was already told how many.
build:
	$(SUBMAKE) $(if $(findstring -j,$(MAKEFLAGS)),,-j$(JOBS)) $(MODULE)

help:
	@echo 'make deps            install what building, running and testing need (Debian)'
	@echo 'make deps-develop    and what check, docs, valgrind and LuaRocks need'
	@echo 'make build           the module, in $(BUILD)/lsqnet/core.so'
	@echo 'make env             the lines that let Lua find it: eval "$$(make -s env)"'
	@echo 'make demo            train on a picture of a horse, compare, plot'
	@echo 'make test            all specs; BLAS=reference|openblas|system|both TEST=spec/x_spec.lua'
	@echo 'make bench           measurements; BLAS=... BENCH=bench/x.lua'
	@echo 'make reproduction    docs/reproduction.md from the stored runs of the papers'\'' experiments'
	@echo 'make results         these runs: hours, resumed where they were interrupted'
	@echo 'make check           formatting, lints, layers, warnings as errors'
	@echo 'make asan            the specs under AddressSanitizer and UBSan'
	@echo 'make tsan            two states in two threads under ThreadSanitizer'
	@echo 'make valgrind        most of the specs under Valgrind'
	@echo 'make docs            the reference, in $(BUILD)/docs/index.html'
	@echo 'make install         to PREFIX=$(PREFIX); make uninstall removes it'
	@echo 'make clean           remove $(BUILD)'

deps:
	@.ci/deps

deps-develop:
	@.ci/deps build run test develop

# With -j and deps among the goals nothing may start before the compiler is there.
ifneq ($(filter deps deps-develop,$(MAKECMDGOALS)),)
build hosts check asan tsan valgrind docs: | $(filter deps deps-develop,$(MAKECMDGOALS))
endif

# --- building -------------------------------------------------------------------------------

$(MODULE): $(OBJECTS)
	@mkdir -p $(@D)
	$(call SHOW,link $@) $(LINK_MODULE) -o $@ $^ -llapack -lblas -lm

$(BUILD)/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call SHOW,compile $<) $(CC) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

# Changes when the flags do, so that nothing compiled otherwise is linked in.
$(BUILD)/flags: force
	@mkdir -p $(@D)
	@echo $(call quote,$(CC) $(ALL_CFLAGS) $(LDFLAGS)) | cmp -s - $@ || \
	  echo $(call quote,$(CC) $(ALL_CFLAGS) $(LDFLAGS)) >$@

-include $(OBJECTS:.o=.d)

hosts: build
	$(SUBMAKE) all-hosts

all-hosts: $(HOSTS) $(REGIONS)
	@:

$(REGIONS): spec/support/regions.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call SHOW,host $@) $(CC) $(ALL_CFLAGS) -shared -o $@ $< $(LDFLAGS)

$(BUILD)/hosts/embed: examples/embed/main.c $(BUILD)/flags
$(SPEC_HOSTS): $(BUILD)/hosts/%: spec/hosts/%.c $(BUILD)/flags
$(HOSTS):
	@mkdir -p $(@D)
	$(call SHOW,host $@) $(CC) $(ALL_CFLAGS) -pthread -MMD -MP -o $@ $< $(LDFLAGS) $(LUA_LIBS) -lm

-include $(HOSTS:=.d)

env:
	@echo export LUA_PATH=$(call quote,$(PATH_VALUE))
	@echo export LUA_CPATH=$(call quote,$(CPATH_VALUE))
	@echo export LSQNET_DATA=$(call quote,$(DATA_VALUE))
	@echo export PATH=$(call quote,$(COMMAND_FOLDER):"$$PATH")

# --- running --------------------------------------------------------------------------------

BLAS ?= both
RUN = $(WITH_ENV) CC='$(CC)' LUA='$(LUA)' BUILD='$(BUILD)'

test: build hosts
	@$(RUN) .ci/specs '$(BLAS)' $(TEST)

demo: build
	@$(WITH_ENV) $(LUA) examples/demo.lua $(BUILD)/demo

BENCH ?= $(wildcard bench/*.lua)
bench: build
	@for blas in $(if $(filter both,$(BLAS)),openblas reference,$(BLAS)); do \
	  path=$$(CC='$(CC)' .ci/blas $$blas) || exit 1; \
	  for program in $(BENCH); do \
	    echo "== $$program, $$blas BLAS"; \
	    env $${path:+LD_LIBRARY_PATH="$$path"} $(WITH_ENV) $(LUA) $$program || exit 1; \
	  done; \
	done

# The page of the papers' tables and figures, from the runs stored in docs/results; and these runs:
# hours, resumed where they were interrupted.
reproduction: build
	@$(WITH_ENV) $(LUA) $(COMMAND) report docs/results --page docs/reproduction.md

results: build
	@$(WITH_ENV) $(LUA) $(COMMAND) run all --out $(BUILD)/results --jobs $(JOBS); status=$$?; \
	mkdir -p docs/results && cp $(BUILD)/results/*.csv $(BUILD)/results/*.json docs/results/ && \
	exit $$status

# --- checking -------------------------------------------------------------------------------

# The layer check reads the objects too: they are built with warnings as errors.
check:
	@.ci/deps --check build develop
	$(SUBMAKE) build BUILD=$(BUILD)/check CFLAGS='-O2 -Werror'
	@status=0; \
	clang-format --dry-run --Werror $$(find csrc spec examples -name '*.[ch]') || status=1; \
	luacheck --quiet --no-color --formatter plain . $(COMMAND) || status=1; \
	$(LUA) .ci/layers.lua $(BUILD)/check || status=1; \
	[ $$status = 0 ] && echo 'check: formatting, lints, layers and warnings are in order'

SANITIZE = -fsanitize=address,undefined
ASAN_CFLAGS = -O1 -g -fno-omit-frame-pointer $(SANITIZE) -fno-sanitize-recover=all -DLSQ_NO_CLONES
# Lua itself is not instrumented, so the runtime has to be there before it. Specs ask for more
# memory than there is.
ASAN_LUA = env LD_PRELOAD=$$($(CC) -print-file-name=libasan.so) \
  ASAN_OPTIONS=allocator_may_return_null=1 \
  LSAN_OPTIONS=print_suppressions=0:suppressions=$(CURDIR)/.ci/lsan.supp $(LUA)
asan:
	$(SUBMAKE) test BUILD=$(BUILD)/asan CFLAGS='$(ASAN_CFLAGS)' LDFLAGS='$(SANITIZE)' \
	  BLAS=reference LUA="$(ASAN_LUA)"

# Without OpenMP, whose runtime ThreadSanitizer cannot see into.
TSAN = $(BUILD)/tsan
tsan:
	$(SUBMAKE) hosts BUILD=$(TSAN) OPENMP=no CFLAGS='-O1 -g -fsanitize=thread -DLSQ_NO_CLONES' \
	  LDFLAGS=-fsanitize=thread
	@path=$$(CC='$(CC)' .ci/blas reference) && env $${path:+LD_LIBRARY_PATH="$$path"} \
	  LUA_PATH=$(PATH_VALUE) LUA_CPATH=$(call quote,$(abspath $(TSAN))/?.so;;) \
	  TSAN_OPTIONS=halt_on_error=1 $(TSAN)/hosts/threads && echo 'tsan: no race'

# Valgrind sees into LAPACK, where the sanitizers are blind. Version 3.19 knows no AVX-512: no
# clones, one thread, the reference BLAS. Left out is what mostly runs other programs, the
# experiments, which call what other specs do, and the longest trainings, which `make asan` runs.
VALGRIND = valgrind --quiet --error-exitcode=99
VALGRIND_SPECS ?= $(filter-out $(patsubst %,spec/%_spec.lua,hosts plot examples docs readme \
  progress datasets command command_fit command_blend locale threading experiments% papers% \
  anmin_rows anmin_large fit fit_core gauss_newton varpro),$(wildcard spec/*_spec.lua))
valgrind:
	@.ci/deps --check build develop
	$(SUBMAKE) test BUILD=$(BUILD)/valgrind CFLAGS='-O1 -g -DLSQ_NO_CLONES' BLAS=reference \
	  TEST='$(or $(TEST),$(VALGRIND_SPECS))' LUA='env OMP_NUM_THREADS=1 $(VALGRIND) $(LUA)'

# What opens a module comes before the files that add to it.
DOCUMENTED_FIRST = csrc/lua/module.c csrc/lua/matrix.c csrc/lua/network.c lua/lsqnet/datasets.lua
DOCUMENTED = $(DOCUMENTED_FIRST) $(filter-out $(DOCUMENTED_FIRST) lua/lsqnet/init.lua,$(sort \
  $(shell grep -l '^/\*\*\*' csrc/lua/*.c csrc/train/*.c) \
  $(shell grep -rlE '@(sub)?module' lua/lsqnet)))
docs:
	@.ci/deps --check develop
	@mkdir -p $(BUILD)/docs
	@{ cat docs/config.ld; echo 'package = "$(CURDIR)/"'; echo 'file = {'; \
	  printf '  "$(CURDIR)/%s",\n' $(DOCUMENTED); echo '}'; } >$(BUILD)/docs.ld
	@ldoc --quiet --fatalwarnings --config $(BUILD)/docs.ld --dir $(abspath $(BUILD))/docs .
	@sed -i -E 's/(csrc\.(lua|train)|lua\.lsqnet)\.[a-z_.]+ Functions/Functions/g' \
	  $$(find $(BUILD)/docs -name '*.html')
	@echo 'the reference: $(BUILD)/docs/index.html'

# --- installing -----------------------------------------------------------------------------

INSTALLED = $(LIBDIR)/lsqnet/core.so $(INCDIR)/lsqnet.h $(LUA_FILES:lua/%=$(LUADIR)/%) \
  $(BINDIR)/lsqnet
# The command runs under the Lua that the module was built for.
LUA_LINE = \#!$(if $(filter /%,$(LUA)),$(LUA),/usr/bin/env $(LUA))

install: build
	install -D -m 755 $(MODULE) $(DESTDIR)$(LIBDIR)/lsqnet/core.so
	install -D -m 644 csrc/lsqnet.h $(DESTDIR)$(INCDIR)/lsqnet.h
	@for file in $(LUA_FILES:lua/%=%); do \
	  echo install -D -m 644 lua/$$file $(DESTDIR)$(LUADIR)/$$file; \
	  install -D -m 644 lua/$$file $(DESTDIR)$(LUADIR)/$$file || exit 1; \
	done
	install -D -m 755 $(COMMAND) $(DESTDIR)$(BINDIR)/lsqnet
	@sed -i '1s|.*|$(LUA_LINE)|' $(DESTDIR)$(BINDIR)/lsqnet

uninstall:
	rm -f $(INSTALLED:%=$(DESTDIR)%)
	-@find $(DESTDIR)$(LIBDIR)/lsqnet $(DESTDIR)$(LUADIR)/lsqnet -depth -type d \
	  -exec rmdir {} + 2>/dev/null

clean:
	rm -rf $(BUILD)
