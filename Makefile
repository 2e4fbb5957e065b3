# Debian 13: `make demo` and `make test` are all one needs. They set up first (quick when done).
.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check bench clean

help:
	@echo "make demo      set up, then a simulated October flood, left running to look at"
	@echo "make test      set up, then the tests (under four minutes on two cores)"
	@echo "make test-all  the long ones too"
	@echo "make check     format, lint, types, import contracts"
	@echo "make bench     ingest against the bare loop"
	@echo "make setup     servers' programs and .venv only"
	@echo "make clean     remove .venv and caches (no instance's data)"

setup:
	@./setup.sh

demo: setup
	@.venv/bin/hypervisor demo

# What is pure runs beside what waits for servers; its report comes at the end.
test: setup
	@report=$$(mktemp); \
	.venv/bin/python -m pytest -m "not long" tests/unit >"$$report" 2>&1 & pure=$$!; \
	status=0; \
	.venv/bin/python -m pytest -m "not long" --ignore=tests/unit || status=1; \
	wait $$pure || status=1; \
	cat "$$report"; rm -f "$$report"; exit $$status

test-all: setup
	.venv/bin/python -m pytest

check: setup
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

bench: setup
	@.venv/bin/hypervisor bench ingest

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
