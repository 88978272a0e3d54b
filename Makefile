# `make run` starts Readroom; `make fast` and `make test` check it.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-$(shell cat requirements.txt | cksum | cut -d' ' -f1)
DEV_STAMP := $(VENV)/.installed-dev-$(shell cat requirements.txt requirements-dev.txt | cksum | cut -d' ' -f1)
PYTEST_ARGS ?=
# A stack of processes and a network share two cores well; more workers than that make each other late.
TEST_WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help run fast test nightly check style types imports structure venv venv-dev apt openapi benchmark-broker

help:
	@echo "make run     Readroom with demo staff on http://127.0.0.1:$${PORT:-8000}; Ctrl-C stops it"
	@echo "make fast    tests without processes, browsers and networks: about a minute"
	@echo "make test    style, types, import contracts, all tests but the nightly ones: about 20 minutes"
	@echo "make nightly long bursts, thousands of mutated files, real data: READROOM_REALDATA names its folder"
	@echo "make check   style, types, import contracts and structure only"
	@echo "make openapi docs/openapi.yaml from the code"

run: venv
	@exec $(BIN)/python manage.py run_all

fast: venv-dev
	$(BIN)/python -m pytest --fast --numprocesses=auto --maxprocesses=8 --dist=worksteal $(PYTEST_ARGS)

# --dist=loadgroup: tests of one stack run in one worker; tests/selection.py says which.
test: venv-dev apt check
	$(BIN)/python -m pytest -m "not nightly" --numprocesses=$(TEST_WORKERS) --dist=loadgroup \
		--no-loadscope-reorder $(PYTEST_ARGS)

nightly: venv-dev apt
	$(BIN)/python -m pytest -m nightly $(PYTEST_ARGS)

check: venv-dev style types imports structure

style:
	$(BIN)/ruff format --check --quiet .
	$(BIN)/ruff check --quiet .

types:
	$(BIN)/mypy

imports:
	$(BIN)/lint-imports --no-logo
	$(BIN)/python manage.py makemigrations --check --dry-run

structure: venv-dev
	$(BIN)/python .ci/check_structure.py

venv: $(RUN_STAMP)
venv-dev: $(DEV_STAMP)

$(VENV)/bin/python:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || \
		{ echo "Python 3.11 is needed; $(PYTHON) is another. Name yours: make PYTHON=/path/to/python3.11 ..."; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip' 2>/dev/null || \
		{ echo "This Python cannot make virtual environments. On Debian: apt-get install python3.11-venv"; exit 1; }
	"$(PYTHON)" -m venv $(VENV)

$(RUN_STAMP): | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

# requirements-dev.txt includes requirements.txt.
$(DEV_STAMP): | $(VENV)/bin/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(RUN_STAMP)

apt:
	@.ci/packages

openapi: venv
	$(BIN)/python manage.py spectacular --file docs/openapi.yaml --validate --fail-on-warn

benchmark-broker: venv
	$(BIN)/python -m benchmarks.broker_latency
