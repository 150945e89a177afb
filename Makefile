# tieflow: build, tests and checks. `make help` lists the targets.
#
# One set of rules serves every variant. A variant (asan, tsan, clang, fuzz) is a recursive make
# with another BUILD, CC and OPT, so that each keeps its own objects and none disturbs another.
# Everything that is made lies under $(BUILD); `make BUILD=/elsewhere` leaves the tree untouched.
#
#   BUILD=folder        where to build (build)
#   V=1                 show the commands
#   CFLAGS=, LDFLAGS=   added behind our own
#   PREFIX=, DESTDIR=   where `make install` puts the program (/usr/local)
#   FUZZ_SECONDS=n      of a processor that `make fuzz` spends on each target (600)
#   FUZZ_TARGETS=       of `make fuzz`, for example 'csv ndjson' (all of tests/fuzz)
#   SMOKE_SECONDS=n     the same for `make test` (5)
#   KILLS=n             of `make soak-kills` (all: at every point) and soak-kafka (1000)
#   BENCH_OPTIONS=      of `make bench`, bench-study and bench-attribution, see bench/README.md:
#                       for example '--logs stream:5000000 --contenders roaring'

BUILD = build
PREFIX = /usr/local
FUZZ_SECONDS = 600
KILLS = 1000
SMOKE_SECONDS = 5
ifeq ($(origin CC),default)
CC = gcc
endif

# Optimisation and sanitizers of the variant. Assertions stay on (no NDEBUG), and no -march=native:
# the program runs on every x86-64 and arm64 machine.
OPT = -O3 -g
SANITIZED = -O1 -g -fno-omit-frame-pointer -fno-sanitize-recover=all
ASAN = $(SANITIZED) -fsanitize=address,undefined
TSAN = $(SANITIZED) -fsanitize=thread
# Branches as they are written: optimisation would merge them.
COVER = -O0 -g --coverage -fprofile-update=atomic
# The slow program is waited for longer, and every call of it that leads to an allocation or to a
# call about files fails once. Counts that cannot be written (other users, limits) are done without.
COVER_RUN = ALLOCATIONS=sites TIEFLOW_FAULTS=sites TIEFLOW_PATIENCE=10 GCOV_ERROR_FILE=/dev/null
FUZZ = $(SANITIZED) -fsanitize=fuzzer-no-link,address,undefined

WARN = -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef \
       -Werror
# Fused multiply-adds would make the last digit of a double depend on the processor.
LANGUAGE = -std=c11 -D_GNU_SOURCE -I. -ffp-contract=off -pthread
COMPILE = $(CC) $(LANGUAGE) $(OPT) $(WARN) $(CPPFLAGS) $(CFLAGS)
LINK = $(CC) $(OPT) -pthread $(CFLAGS)
LDLIBS = -lzstd -lz -lxxhash -lroaring -lyajl -linih -lrdkafka -lavro -lcurl -lsqlite3 -lm

# Files by part. In tests/ and bench/ a file whose name starts with the folder's prefix is a
# program; the others (oracles, helpers) are linked into whichever program calls them.
LIB_SRC := $(sort $(wildcard schemas/*.c stages/*/*.c) \
                  $(filter-out pipeline/main.c,$(wildcard pipeline/*.c)))
MAIN_SRC := pipeline/main.c
TEST_SRC := $(sort $(wildcard tests/test_*.c))
# Nothing but `make bench` needs these, and the libraries that they measure: where the headers are
# missing they are no part of `everything` nor of lint.
PEER_SRC := bench/bench_static.c bench/peer_graphblas.c bench/peer_igraph.c
PEER_LIBS = -lgraphblas -ligraph
NO_PEERS := $(shell $(CC) -E -include GraphBLAS.h -include igraph/igraph.h -x c /dev/null \
                    >/dev/null 2>&1 || echo '$(PEER_SRC)')
BENCH_SRC := $(filter-out $(NO_PEERS),$(sort $(wildcard bench/bench_*.c)))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
# Libraries that the tests of the program preload into it.
SHIM_SRC := $(sort $(wildcard tests/shim/*.c))
HELP_SRC := $(filter-out $(TEST_SRC) $(BENCH_SRC) $(NO_PEERS),\
                         $(sort $(wildcard tests/*.c bench/*.c)))
HEADERS := $(sort $(wildcard $(patsubst %,%/*.h,schemas stages/* pipeline bench tests tests/*)))
C_SRC := $(LIB_SRC) $(wildcard $(MAIN_SRC)) $(HELP_SRC) $(TEST_SRC) $(BENCH_SRC) $(FUZZ_SRC) \
         $(SHIM_SRC)

objects = $(patsubst %.c,$(BUILD)/obj/%.o,$1)
TESTS := $(TEST_SRC:%.c=$(BUILD)/%)
BENCHES := $(BENCH_SRC:%.c=$(BUILD)/%)
FUZZERS := $(FUZZ_SRC:tests/%.c=$(BUILD)/%)
SHIMS := $(SHIM_SRC:%.c=$(BUILD)/%.so)
LIB := $(BUILD)/libtieflow.a
HELP := $(if $(HELP_SRC),$(BUILD)/libhelpers.a)

# Tests of what starts threads run under the thread sanitizer as well.
TSAN_TESTS = $(filter test_workers test_conveyor test_scratch test_tape test_event_queue \
                      test_sequence test_census test_arrival_rows test_adjacency_file \
                      test_results test_pivot_kernel test_clustering \
                      test_batch_series test_replay test_tie_segment test_rest test_parquet_table \
                      test_attribution test_run_ids test_ties_writer,$(TEST_SRC:tests/%.c=%))

# The checks of `make lint`, in the order in which they run; each is a target lint-NAME.
LINT = checkers layers style headers format gcc clang globals tidy cppcheck

# As many jobs as processors, unless the caller said otherwise. Output is kept together per target,
# except where someone watches a long run.
MAKEFLAGS += --no-print-directory --no-builtin-rules
ifeq ($(MAKELEVEL),0)
MAKEFLAGS += -j$(shell nproc)
ifeq ($(filter demo demo-kafka test test-kafka check asan tsan lint bench% fuzz soak% cover% deps%, \
               $(MAKECMDGOALS)),)
MAKEFLAGS += --output-sync=target
endif
endif

# $(call say,WORD,file) in front of a command: one short line instead of the command, or with V=1
# the command.
ifeq ($(V),1)
quiet =
say =
else
quiet = @
say = @printf '  %-6s %s\n' $1 $2;
endif

# What Maven has fetched for the tests and the demo.
CACHE = $(or $(TIEFLOW_CACHE),$(BUILD)/maven)

# Topics of the demo, with their partitions.
DEMO_TOPICS = connections:3 $(patsubst %,tieflow.%:1,ties endings late quarantine quality)

PYTHON := $(firstword $(wildcard /usr/bin/python3) python3)
RUN_TESTS = $(PYTHON) tests/tools/run_tests.py --build $(BUILD) --lint "$(LINT)" \
            --tsan "$(TSAN_TESTS)"
# Tests of tests/cli at their full size, with what they print.
SOAK = deps-test cli-programs
SOAK_PYTHON = TIEFLOW='$(abspath $(BUILD)/tieflow)' $(BUILD)/venv/bin/python -m
# Settings of a variant: OPT, folder, CC.
variant = OPT='$1' BUILD=$(BUILD)/$2 CC=$3
# Under a sanitizer gcc warns where it does not otherwise; warnings are for the two plain builds.
sanitized = $(variant) WARN=

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all help deps deps-unit deps-tools deps-peers deps-kafka deps-test demo demo-kafka test \
        test-kafka check asan tsan lint fuzz soak-kills soak-faults soak-allocations soak-kafka \
        soak-rot soak-power soak-oracle soak-determinism bench bench-study bench-programs \
        bench-kafka bench-attribution install clean everything fuzzers tidy variant-asan \
        variant-tsan variant-clang variant-fuzz variant-cover cover cover-run cli-programs \
        $(LINT:%=lint-%) always

## Use

all: $(BUILD)/tieflow ## Build the program (what plain `make` does)

demo: all ## Make a small network, run every stage on it, show the result
	@TIEFLOW=$(BUILD)/tieflow pipeline/demo.sh

demo-kafka: all deps-kafka ## The same through a Kafka broker of its own, fetched the first time
	@TIEFLOW=$(BUILD)/tieflow TIEFLOW_CACHE='$(CACHE)' $(PYTHON) tests/kafka/broker.py \
	    --folder $(BUILD)/demo-kafka $(DEMO_TOPICS:%=--topic %) -- pipeline/demo_kafka.sh

install: all ## Install the program under PREFIX
	install -D -m 755 $(BUILD)/tieflow '$(DESTDIR)$(PREFIX)/bin/tieflow'

clean: ## Remove everything that was built
	rm -rf $(BUILD)

help: ## List the targets
	@awk -F ':.*## ' '/^## /{printf "\n%s\n", substr($$0, 4)} \
	    /^[a-z-]+:.*## /{printf "  make %-17s %s\n", $$1, $$2}' Makefile

## Test

check: deps-unit ## Unit tests alone, release build: the quick look while working
	@$(RUN_TESTS) unit

test: deps-test ## Everything: lint, unit tests in all variants, integration tests, short fuzzing
	@$(RUN_TESTS) --fuzz-seconds $(SMOKE_SECONDS) lint unit asan tsan cli kafka tables fuzz

test-kafka: deps-kafka ## Tests against a Kafka broker alone
	@tests/tools/venv.sh $(BUILD)/venv
	@$(RUN_TESTS) kafka

lint: deps-tools ## Layers, style, formatting, warnings of two compilers, clang-tidy, cppcheck
	@$(RUN_TESTS) lint

asan: deps-unit ## Unit tests under the address and undefined-behaviour sanitizers
	@$(RUN_TESTS) asan

tsan: deps-unit ## Tests that start threads, under the thread sanitizer
	@$(RUN_TESTS) tsan

cover: deps-test ## Branches that the tests reach, per module, in build/cover; error branches argued (long)
	@$(MAKE) variant-cover
	@$(PYTHON) tests/tools/coverage.py $(BUILD)/cover tests/cover/argued.txt

fuzz: deps-tools ## Fuzz every reader for FUZZ_SECONDS each; finds are kept in BUILD (hours)
	@$(RUN_TESTS) --fuzz-seconds $(FUZZ_SECONDS) --fuzz-targets '$(FUZZ_TARGETS)' --fuzz-keep fuzz

soak-kills: $(SOAK) ## Kill runs KILLS times and start them again: nobody can tell (minutes)
	@TIEFLOW_KILLS=$(KILLS) $(SOAK_PYTHON) unittest tests.cli.test_kills

soak-faults: $(SOAK) ## Let every call about files fail, one by one: told, and made up for (minutes)
	@TIEFLOW_FAULTS=all $(SOAK_PYTHON) unittest tests.cli.test_failing_calls

soak-kafka: $(SOAK) deps-kafka ## Disturb nights between topics at every point, and at any time (an hour)
	@TIEFLOW_KAFKA_POINTS=all TIEFLOW_KAFKA_KILLS=$(KILLS) TIEFLOW_CACHE='$(abspath $(CACHE))' \
	    $(SOAK_PYTHON) unittest tests.kafka.test_disturbed_nights tests.kafka.test_emit.KilledTest

soak-allocations: $(SOAK) ## Fail each allocation of small runs, and a sample of others (half an hour)
	@ALLOCATIONS=every $(SOAK_PYTHON) unittest tests.cli.test_allocations

soak-rot: $(SOAK) ## Every damage of every file of a small state and a log (an hour)
	@$(SOAK_PYTHON) tests.cli.rot

soak-power: $(SOAK) ## What a power loss may leave of a commit, and a run on each (a quarter of an hour)
	@$(SOAK_PYTHON) tests.cli.power 32

soak-oracle: $(SOAK) ## Each of 5 million ties against the slow, obvious computation (minutes)
	@ORACLE_TIES=5000000 $(SOAK_PYTHON) unittest \
	    tests.cli.test_ties.OracleTest.test_a_large_log_gives_the_oracles_tables

soak-determinism: $(SOAK) ## The same bytes for 200 worlds, each computed in many ways (minutes)
	@WORLDS=200 $(SOAK_PYTHON) unittest tests.cli.test_determinism

bench: deps-peers ## Ties of 5 and 50 M beside other ways to count them, equal results (minutes)
	@tests/tools/venv.sh $(BUILD)/venv || echo 'bench: DuckDB will be left out' >&2
	@$(MAKE) bench-programs
	@$(PYTHON) bench/contest.py $(BUILD) $(BUILD)/bench-data $(BENCH_OPTIONS)

bench-study: bench-programs ## 2 billion ties step by step, resumable (about an hour, 60 GB of disk)
	@$(PYTHON) bench/study.py $(BUILD) $(BUILD)/bench-data/study $(BENCH_OPTIONS)

bench-attribution: $(BUILD)/bench/bench_attribution ## Moves and ties beside SQL joins that count the same
	@$< $(BUILD)/bench-data $(BENCH_OPTIONS)

bench-kafka: $(BUILD)/bench/bench_kafka deps-kafka ## Reading a topic of 20 M events beside librdkafka
	@TIEFLOW_CACHE='$(CACHE)' $(PYTHON) tests/kafka/broker.py --folder $(BUILD)/bench-data \
	    --topic bench-single:1 --topic bench-packed:1 -- $< $(BUILD)/bench-data

## Packages

deps: ## Install the libraries that the build needs and that are missing (Debian, apt)
	@CC='$(CC)' tests/tools/packages.sh build

deps-test: deps-tools ## The same for everything that `make test` needs
	@tests/tools/packages.sh kafka
	@tests/tools/venv.sh $(BUILD)/venv

deps-unit: deps
	@tests/tools/packages.sh unit

deps-tools: deps-unit
	@tests/tools/packages.sh test

deps-peers: deps-unit ## The same for the libraries that `make bench` measures
	@tests/tools/packages.sh peers

deps-kafka: deps-unit
	@tests/tools/packages.sh kafka

# Building

$(BUILD)/tieflow: $(call objects,$(MAIN_SRC)) $(LIB)
	$(call say,LINK,$@)$(LINK) $^ $(LDFLAGS) $(LDLIBS) -o $@

$(TESTS) $(BENCHES): $(BUILD)/%: $(BUILD)/obj/%.o $(HELP) $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(LINK) $^ $(LDFLAGS) $(LDLIBS) -lcmocka -o $@

$(BUILD)/bench/bench_static: LDLIBS += $(PEER_LIBS)

$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $(HELP) $(LIB)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(LINK) -fsanitize=fuzzer $^ $(LDFLAGS) $(LDLIBS) -lcmocka -o $@

$(BUILD)/tests/shim/%.so: tests/shim/%.c $(BUILD)/flags
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(filter-out --coverage,$(COMPILE)) -fPIC -shared $< $(LDFLAGS) -o $@

# An archive and not a list of objects: a program takes from it only what it calls. It is made
# anew each time, since `ar` would keep the members whose source is gone.
$(LIB): $(call objects,$(LIB_SRC)) $(BUILD)/lib.files
$(BUILD)/libhelpers.a: $(call objects,$(HELP_SRC)) $(BUILD)/helpers.files
$(LIB) $(BUILD)/libhelpers.a:
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

$(BUILD)/obj/%.o: %.c $(BUILD)/flags | deps
	@mkdir -p $(@D)
	$(call say,CC,$<)$(COMPILE) -MMD -MP -c $< -o $@

$(call objects,$(TEST_SRC) $(HELP_SRC) $(BENCH_SRC)): | deps-unit

# Files that change only when what they record changes: other flags compile everything anew, a
# source file that is gone leaves the archive.
$(BUILD)/flags: record = $(COMPILE)
$(BUILD)/lib.files: record = $(LIB_SRC)
$(BUILD)/helpers.files: record = $(HELP_SRC)
$(BUILD)/flags $(BUILD)/lib.files $(BUILD)/helpers.files: always
	@mkdir -p $(@D)
	@echo '$(record)' | cmp -s - $@ || echo '$(record)' > $@

# Everything that one compiler can build; the program itself as soon as it has a main.
everything: $(if $(wildcard $(MAIN_SRC)),$(BUILD)/tieflow) $(LIB) $(TESTS) $(BENCHES) $(SHIMS)
	@:
bench-programs: $(BUILD)/tieflow $(filter $(addprefix $(BUILD)/bench/bench_,temporal static triangles \
                                                    positions),$(BENCHES))
	@:
cli-programs: bench-programs $(SHIMS)
	@:
fuzzers: $(FUZZERS)
	@:
cover-run: everything cli-programs
	@find $(BUILD) -name '*.gcda' -delete
	@ln -sfn ../venv $(BUILD)/venv
	-@$(COVER_RUN) $(RUN_TESTS) unit cli kafka

variant-asan:
	@$(MAKE) $(call sanitized,$(ASAN),asan,$(CC)) everything
variant-tsan:
	@$(MAKE) $(call sanitized,$(TSAN),tsan,$(CC)) $(TSAN_TESTS:%=$(BUILD)/tsan/tests/%)
variant-cover:
	@$(MAKE) $(call sanitized,$(COVER),cover,$(CC)) cover-run
variant-clang:
	@$(MAKE) $(call variant,-O0,clang,clang) everything
variant-fuzz:
	@$(MAKE) $(call sanitized,$(FUZZ),fuzz,clang) fuzzers

# Checks. Those that take long leave a stamp and look again only at what has changed.

lint-checkers:
	@$(PYTHON) -m unittest discover -q -s tests/lint
	@$(PYTHON) -m unittest discover -q -s tests/tools

lint-layers:
	@$(PYTHON) tests/lint/layers.py

lint-style:
	@$(PYTHON) tests/lint/style.py

lint-gcc: everything
	@:

lint-clang: variant-clang
	@:

lint-globals: $(LIB)
	@$(PYTHON) tests/lint/globals.py $(LIB)

lint-format: $(BUILD)/lint/format.ok
	@:

$(BUILD)/lint/format.ok: $(C_SRC) $(HEADERS) .clang-format
	@mkdir -p $(@D)
	$(quiet)clang-format --dry-run -Werror \
	    $(if $(filter .clang-format,$?),$(C_SRC) $(HEADERS),$(filter %.c %.h,$?))
	@touch $@

# A header must compile alone, included twice, with either compiler.
HEADER_STAMPS := $(foreach compiler,gcc clang,$(HEADERS:%=$(BUILD)/lint/headers/$(compiler)/%.ok))
lint-headers: $(HEADER_STAMPS)
	@:

check_header = printf '\#include "%s"\n' $< $< | $(call COMPILE_WITH,$1) -fsyntax-only -MMD -MP \
               -MF $(@:.ok=.d) -MT $@ -x c - && touch $@
COMPILE_WITH = $1 $(LANGUAGE) $(WARN) $(CPPFLAGS)
$(BUILD)/lint/headers/gcc/%.h.ok: %.h $(BUILD)/flags | deps-unit
	@mkdir -p $(@D)
	$(quiet)$(call check_header,gcc)
$(BUILD)/lint/headers/clang/%.h.ok: %.h $(BUILD)/flags | deps-unit
	@mkdir -p $(@D)
	$(quiet)$(call check_header,clang)

# Within the clang variant, so that its objects tell which files a change of a header touches.
lint-tidy:
	@$(MAKE) $(call variant,-O0,clang,clang) tidy

tidy: $(C_SRC:%=$(BUILD)/tidy/%.ok)
	@:

$(BUILD)/tidy/%.c.ok: %.c $(BUILD)/obj/%.o .clang-tidy tests/.clang-tidy tests/lint/analyzer.h
	@mkdir -p $(@D)
	$(call say,TIDY,$<)clang-tidy --quiet $< -- $(LANGUAGE) \
	    $(if $(filter schemas/status.c,$<),,-include tests/lint/analyzer.h) 2>$(@:.ok=.log) || \
	    { grep -v ' warnings\? generated' $(@:.ok=.log) >&2; exit 1; }
	@touch $@

lint-cppcheck:
	@mkdir -p $(BUILD)/lint/cppcheck
	$(quiet)cppcheck -q -j $(shell nproc) --std=c11 --platform=unix64 --library=posix \
	    --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
	    --suppressions-list=tests/lint/cppcheck.txt --cppcheck-build-dir=$(BUILD)/lint/cppcheck \
	    -I. -D_GNU_SOURCE $(C_SRC)

-include $(patsubst %.o,%.d,$(call objects,$(C_SRC))) $(HEADER_STAMPS:.ok=.d)
