# What a person types. `make` alone lists it.
#   PYTHON=python3.12   the interpreter that makes .venv
#   DATA=./data DEMO=12 where `make run` keeps its data, and how many tablets it simulates
#   SECONDS=60          how long `make fuzz` looks, for each of its targets
#   JOBS=3              how many tests run side by side, one more than there are cores unless said; 0: one after the
#                       other, in this process
#   ARGS=…              more words for pytest or the bench: make test ARGS="tests/rules -k battery"

PYTHON ?= python3
DATA   ?= ./data
DEMO   ?= 12
JOBS   ?= $(shell expr 1 + `nproc 2>/dev/null || echo 2`)
ARGS   ?=
SECONDS ?= 60

VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed

PACKAGES := rules broker store device_bridge api worker config
TYPED    := $(wildcard $(PACKAGES) tests bench)
SETTINGS := config/settings

export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Switches of the caller's shell that would send the tools below to another Python or other sources.
unexport PYTHONPATH PYTHONHOME VIRTUAL_ENV

.DEFAULT_GOAL := help
FUZZ  := .fuzz/atheris-$(shell $(PYTHON) -c 'import sys; print(*sys.version_info[:2], sep=".")' 2>/dev/null)
.PHONY: help setup run test check bench fuzz faults clean servers format lint types imports unused wheel lock

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## make .venv with everything in it (again only when the lock or pyproject change)

run: $(STAMP) ## start everything with a demo hotel; prints the console's address and a login
	$(BIN)/innwatch up --data $(DATA) --demo $(DEMO)

test: $(STAMP) servers ## pass every test
	$(BIN)/pytest --numprocesses $(JOBS) --dist worksteal $(ARGS)

check: lint types imports unused wheel ## everything a machine can say about the code without running it

bench: $(STAMP) ## measure, side by side with Mosquitto
	$(BIN)/python -m bench $(ARGS)

fuzz: $(STAMP) $(FUZZ)/.installed ## look for bytes that break the broker, with Atheris (ARGS=clients: one target only)
	PYTHONPATH=$(FUZZ) $(BIN)/python -m tests.fuzz --seconds $(SECONDS) $(ARGS)

faults: $(STAMP) servers ## kill, stop and freeze every part of one server under load, and account for it (12 minutes)
	$(BIN)/python -m bench.faults $(ARGS)

clean: ## remove what these targets made, but never DATA
	rm -rf $(VENV) .fuzz build dist .coverage .coverage.* htmlcov .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find $(wildcard $(PACKAGES) tests bench) -name __pycache__ -type d -prune -exec rm -rf {} +

servers: ## install the programs that tests run against (mosquitto, chromium), where that needs no question
	@tests/support/install-servers

format: $(STAMP) ## lay the code out, and mend what ruff can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lint: $(STAMP) ## ruff: rules and layout
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## mypy, strict, on source and tests
	$(BIN)/mypy $(TYPED)

imports: $(STAMP) ## import-linter: the arrows between the packages
	$(BIN)/lint-imports --no-logo

unused: $(STAMP) ## vulture: code that cannot run, and settings that nobody reads
	$(BIN)/vulture
	@! $(BIN)/vulture --min-confidence 60 | grep '^$(SETTINGS)'

wheel: $(STAMP) ## install the wheel as the Dockerfile does, and run it
	rm -rf build
	PATH="$(CURDIR)/$(BIN):$$PATH" deploy/install build/empty
	build/empty/bin/innwatch --version

lock: $(STAMP) ## renew requirements.lock (ARGS=--upgrade for newer versions)
	$(BIN)/uv pip compile pyproject.toml --quiet --extra dev --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-emit-index-url $(ARGS) --output-file requirements.lock

# uv first, at the locked version and hash, because it installs the rest five times faster than pip; pip is the
# way back where uv has no build or cannot reach the package index that pip is configured for.
$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "make: $(PYTHON) is missing or older than Python 3.11; name a newer one: make PYTHON=python3.12 …" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
	  echo "make: $(PYTHON) cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@echo "installing the locked packages into $(VENV)"
	@rm -f $(STAMP)
	@sed -n '/^uv==/,/[^\\]$$/p' requirements.lock > $(VENV)/uv.lock
	@if $(BIN)/python -m pip install --quiet --require-hashes -r $(VENV)/uv.lock \
	    && $(BIN)/uv pip sync --quiet --compile-bytecode --python $(BIN)/python --require-hashes requirements.lock; then :; \
	  else \
	    echo "uv could not do it; trying pip"; \
	    $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock; \
	  fi
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

# Not among the locked packages: it has wheels for Linux on x86-64 only.
$(FUZZ)/.installed: $(STAMP) tests/fuzz/requirements.txt
	@rm -rf $(FUZZ)
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target $(FUZZ) --only-binary :all: --require-hashes \
	    -r tests/fuzz/requirements.txt || { \
	  echo "make: Atheris cannot be installed here: it has builds for CPython 3.11 to 3.13 on Linux (x86-64) only;" \
	    "without it the same targets are tried by: make test ARGS=tests/broker/test_fuzz.py" >&2; exit 1; }
	@touch $@
