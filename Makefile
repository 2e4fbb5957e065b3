# Debian 13: `make demo` and `make test` are all one needs. They set up first (quick when done).
.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE  # each of a thousand processes would compile all that it imports
.PHONY: help setup demo test test-all test-cluster kills check mutants bench bench-all clean

help:
	@echo "make demo      set up, then a simulated October flood, left running to look at"
	@echo "make test      set up, then the tests (eight to ten minutes on two cores)"
	@echo "make test-all  the long ones too; only those: make test-all WHICH=long"
	@echo "make test-cluster  three machines that lose a part (root, and what docs/several-machines.md installs)"
	@echo "make check     format, lint, types, import contracts, plain names, French, documents"
	@echo "make mutants   single faults put into a room (ROOM=rules N=30 SEED=1): do its tests notice?"
	@echo "make kills     100 faults under 500 messages a second: what is acknowledged is stored"
	@echo "make bench     ingest against the bare loop"
	@echo "make bench-all the figures of docs/evaluation.md (ten minutes of a quiet machine)"
	@echo "make setup     servers' programs and .venv only"
	@echo "make clean     remove .venv and caches (no instance's data)"

setup:
	@./setup.sh

demo: setup
	@.venv/bin/hypervisor demo

# Lanes beside each other, twice as many as processors, since most tests wait for servers. The longest begin
# first; each is shown when it ends. A folder that no lane names is among the others.
SIDE_BY_SIDE = $(MAKE) --no-print-directory --keep-going --output-sync=target
LANES = web accounts browser ingest unit evaluation others acceptance panels
LANE_web = integration/web integration/overview
LANE_panels = $(addprefix integration/,database dashboards grafana backtest)
LANE_unit = unit
LANE_ingest = integration/ingest integration/stack
LANE_acceptance = acceptance integration/exercises
LANE_evaluation = $(addprefix integration/,evaluation readings simulators)
LANE_accounts = $(addprefix integration/,accounts alarms logbook notifications rulebook)
LANE_browser = browser
ALONE_browser = tests/alone.sh
lane-%:
	@$(ALONE_$*) .venv/bin/python -m pytest -m "$(WHICH)" $(addprefix tests/,$(or $(LANE_$*),$(error no lane $*)))
lane-others:
	@.venv/bin/python -m pytest -m "$(WHICH)" $(foreach lane,$(LANES),$(addprefix --ignore=tests/,$(LANE_$(lane))))
WHICH =  # as pytest's -m: all, or make test-all WHICH=long
test: WHICH = not long
test-all: LONGEST = acceptance browser unit evaluation
test test-all: setup
	@$(SIDE_BY_SIDE) -j$$((2 * $$(nproc))) $(addprefix lane-,$(LONGEST) $(filter-out $(LONGEST),$(LANES))) WHICH="$(WHICH)"

test-cluster: setup
	.venv/bin/python -m pytest tests/cluster

# Faults while devices publish: KILLS=100 SEED=7 make kills. As root the wire is cut, too.
kills: setup
	KILLS=$(or $(KILLS),100) SEED=$(or $(SEED),1) .venv/bin/python -m pytest -q tests/acceptance/test_campaign.py

check: setup
	@$(SIDE_BY_SIDE) -j2 check-types check-style check-imports check-names check-french check-documents
check-types:
	.venv/bin/mypy
check-style:
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
check-imports:
	.venv/bin/lint-imports
check-names:
	.venv/bin/python -m tests.plain_words
check-french:
	.venv/bin/python -m tests.translations
check-documents:
	.venv/bin/python -m tests.documents

ROOM ?= rules
N ?= 30
SEED ?= 1
mutants: setup
	@.venv/bin/python -m tests.mutants $(ROOM) --count $(N) --seed $(SEED)

bench: setup
	@.venv/bin/hypervisor bench ingest

# What docs/evaluation.md tells, on a quiet machine: one line of JSON for each run, about ten minutes.
bench-all: setup
	@for run in "rules" "rules --stirred 0" "rules --waiting 1" "rules --processes 2" "rules --stirred 0.2" \
		"rules --rules 1000 --times 6" "rules --times 48 --waiting 240" \
		"latency" "latency --late 250" "correction" "ingest"; do \
		echo "bench $$run"; .venv/bin/hypervisor bench $$run --json || exit 1; done

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
