# Debian 13: `make demo` and `make test` are all one needs. They set up first (quick when done).
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all kills check mutants bench clean

help:
	@echo "make demo      set up, then a simulated October flood, left running to look at"
	@echo "make test      set up, then the tests (about seven minutes on two cores)"
	@echo "make test-all  the long ones too"
	@echo "make check     format, lint, types, import contracts, plain names, French, documents"
	@echo "make mutants   single faults put into a room (ROOM=rules N=30 SEED=1): do its tests notice?"
	@echo "make kills     100 faults under 500 messages a second: what is acknowledged is stored"
	@echo "make bench     ingest against the bare loop"
	@echo "make setup     servers' programs and .venv only"
	@echo "make clean     remove .venv and caches (no instance's data)"

setup:
	@./setup.sh

demo: setup
	@.venv/bin/hypervisor demo

# Three lanes beside each other, since most tests wait for servers: what is pure, what goes over HTTP and
# through a browser, and the rest. The reports of the first two come at the end.
HTTP = $(addprefix tests/integration/,web overview accounts alarms notifications logbook rulebook) tests/browser
test: setup
	@reports=$$(mktemp -d); status=0; \
	lane() { .venv/bin/python -m pytest -m "not long" "$$@"; }; \
	lane tests/unit >"$$reports/unit" 2>&1 & pure=$$!; \
	lane $(HTTP) >"$$reports/http" 2>&1 & http=$$!; \
	lane --ignore=tests/unit $(addprefix --ignore=,$(HTTP)) || status=1; \
	wait $$http || status=1; wait $$pure || status=1; \
	cat "$$reports/http" "$$reports/unit"; rm -rf "$$reports"; exit $$status

test-all: setup
	.venv/bin/python -m pytest

# Faults while devices publish: KILLS=100 SEED=7 make kills. As root the wire is cut, too.
kills: setup
	KILLS=$(or $(KILLS),100) SEED=$(or $(SEED),1) .venv/bin/python -m pytest -q tests/acceptance/test_campaign.py

check: setup
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/python -m tests.plain_words
	.venv/bin/python -m tests.translations
	.venv/bin/python -m tests.documents

ROOM ?= rules
N ?= 30
SEED ?= 1
mutants: setup
	@.venv/bin/python -m tests.mutants $(ROOM) --count $(N) --seed $(SEED)

bench: setup
	@.venv/bin/hypervisor bench ingest

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
