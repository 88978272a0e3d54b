# `make run` starts Readroom; `make fast` and `make test` check it.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
RUN_STAMP := $(VENV)/.installed-$(shell cat requirements.lock | cksum | cut -d' ' -f1)
DEV_STAMP := $(VENV)/.installed-dev-$(shell cat requirements-dev.lock | cksum | cut -d' ' -f1)
# Of its own, because none of these packages is needed to run or test Readroom.
AUDIT := $(VENV)/audit
AUDIT_STAMP := $(AUDIT)/.installed-$(shell cat requirements-audit.lock | cksum | cut -d' ' -f1)
INSTALL := -m pip install --quiet --disable-pip-version-check --require-hashes -r
LOCK := $(AUDIT)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header
PYTEST_ARGS ?=
# A stack of processes and a network share two cores well; more workers than that make each other late.
TEST_WORKERS ?= 2

.DEFAULT_GOAL := help
.PHONY: help run fast test nightly check style types imports structure venv venv-dev apt openapi benchmark-broker \
	lock sbom audit

help:
	@echo "make run     Readroom with demo staff on http://127.0.0.1:$${PORT:-8000}; Ctrl-C stops it"
	@echo "make fast    tests without processes, browsers and networks: two minutes"
	@echo "make test    style, types, import contracts, all tests but the nightly ones: about 20 minutes"
	@echo "make nightly long bursts, thousands of mutated files, real data: READROOM_REALDATA names its folder"
	@echo "make check   style, types, import contracts and structure only"
	@echo "make openapi docs/openapi.yaml from the code, and the types of the client"
	@echo "make lock    requirements*.lock after a change of requirements*.txt: all packages with their hashes"
	@echo "make sbom    var/sbom.cdx.json: the packages of an installation, as CycloneDX"
	@echo "make audit   security rules and known vulnerabilities; needs a network with PyPI's JSON interface"

run: venv
	@exec $(BIN)/python manage.py run_all

fast: venv-dev
	$(BIN)/python -m pytest --fast --numprocesses=auto --maxprocesses=8 --dist=worksteal $(PYTEST_ARGS)

# --dist=loadgroup: tests of one stack run in one worker; tests/selection.py says which.
test: venv-dev apt check
	$(BIN)/python -m pytest -m "not nightly" --numprocesses=$(TEST_WORKERS) --dist=loadgroup \
		--no-loadscope-reorder --durations=40 --durations-min=8 $(PYTEST_ARGS)

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
	$(BIN)/python $(INSTALL) requirements.lock
	@touch $@

# requirements-dev.lock includes the packages of requirements.lock.
$(DEV_STAMP): | $(VENV)/bin/python
	$(BIN)/python $(INSTALL) requirements-dev.lock
	@touch $@ $(RUN_STAMP)

$(AUDIT_STAMP): | $(VENV)/bin/python
	"$(PYTHON)" -m venv $(AUDIT)
	$(AUDIT)/bin/python $(INSTALL) requirements-audit.lock
	@touch $@

apt:
	@.ci/packages

openapi: venv
	$(BIN)/python manage.py spectacular --file docs/openapi.yaml --validate --fail-on-warn
	$(BIN)/python -m docs.make_client_types

benchmark-broker: venv
	$(BIN)/python -m benchmarks.broker_latency

# Keeps the versions of the existing lock files; make lock LOCK_ARGS=--upgrade takes newer ones.
lock: $(AUDIT_STAMP)
	$(LOCK) $(LOCK_ARGS) requirements.txt -o requirements.lock
	$(LOCK) $(LOCK_ARGS) requirements-dev.txt -o requirements-dev.lock -c requirements.lock
	$(LOCK) $(LOCK_ARGS) requirements-audit.txt -o requirements-audit.lock

sbom: $(AUDIT_STAMP)
	@mkdir -p var
	$(AUDIT)/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
		--output-file var/sbom.cdx.json requirements.lock

# --strict: a package that cannot be looked up is an error. Without it pip-audit passes when it has checked nothing.
audit: $(AUDIT_STAMP)
	$(AUDIT)/bin/bandit --quiet --recursive -ll --configfile pyproject.toml webapp diagnostics ml manage.py
	$(AUDIT)/bin/pip-audit --strict --require-hashes --disable-pip -r requirements.lock
