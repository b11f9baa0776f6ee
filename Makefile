# The commands of this repository; `make` alone lists them.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

# OpenMP threads that spin while they wait take the core from those that work.
export GOMP_SPINCOUNT ?= 10000
export PIP_DISABLE_PIP_VERSION_CHECK ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup demo up test lint check clean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP)  ## make .venv with everything in it (the others call this)

demo: $(STAMP)  ## produce a student from examples/support-tickets, pull it and use it
	@$(BIN)/python examples/demo.py

up: $(STAMP)  ## start the platform and keep it running until Ctrl-C
	@$(BIN)/gts up

# Programs that the tests start again and again are compiled once.
test: export PYTHONDONTWRITEBYTECODE :=
test: $(STAMP)  ## run all tests, in as many processes as there are cores, four at most
	@$(BIN)/pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: $(STAMP)  ## ruff and mypy
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

check: lint test  ## lint, then test

clean:  ## remove what the commands leave in this folder, .venv apart
	rm -rf .hypothesis .mypy_cache .pytest_cache .ruff_cache .coverage build dist out
	find . -path ./.venv -prune -o -name __pycache__ -type d -exec rm -rf {} +

# The stamp comes last: an installation that was interrupted is taken up again by the next command.
# A Python of 3.11 brings a pip that does not know --group yet.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "GTS needs Python 3.11 or newer, and $(PYTHON) is %d.%d; name another one: make PYTHON=python3.12" % sys.version_info[:2])'
	@echo "Installing into .venv; the first time takes some minutes."
	@$(BIN)/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	@$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[train,platform,llm]' --group dev
	@touch $@
