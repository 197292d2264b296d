# Concord's verbs. `make demo` and `make test` need nothing but Python >= 3.11, git, make and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MODEL ?= smollm2
ONCE ?=
FUZZ ?= 2000
QUEUES ?= gpu
SECURITY := tests/security tests/annotate/test_access_table.py tests/annotate/test_hostile_pages.py tests/browser/test_hostile.py
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -p no:cacheprovider -n 2

.PHONY: setup setup-dev demo run worker gpu-worker test test-quick test-chaos test-security test-training test-browser images lint fmt types

setup: $(VENV)/.training-installed

setup-dev: $(VENV)/.dev-installed

$(BIN)/python:
	$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Concord needs Python 3.11 or newer: make PYTHON=python3.12 ..."'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.training-installed: $(BIN)/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[training]'
	touch $@

$(VENV)/.dev-installed: $(VENV)/.training-installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[training,dev,s3]'
	touch $@

demo: setup
	$(BIN)/python manage.py migrate --verbosity 0
	$(BIN)/python manage.py demo --model $(MODEL) $(if $(ONCE),--once)

run: setup
	$(BIN)/python manage.py migrate --verbosity 0
	$(BIN)/python manage.py rebuild_statistics --missing
	$(BIN)/gunicorn config.wsgi --bind 127.0.0.1:8000 --workers 2 --threads 4

worker: setup
	$(BIN)/celery -A config worker --beat --queues default --concurrency 1 --loglevel INFO --hostname web@%h

gpu-worker: setup
	$(BIN)/celery -A config worker --queues $(QUEUES) --concurrency 1 --loglevel INFO --hostname gpu@%h

test: setup-dev
	$(PYTEST) -m "not gpu and not chaos and not images and not security" $(TESTFLAGS)

test-quick: setup-dev
	$(PYTEST) -m "not gpu and not chaos and not images and not security and not torch and not browser" $(TESTFLAGS)

# 32 processes, 20,000 operations at one queue; then short runs of benchmarks/chaos.py that hold, and one that must not; on PostgreSQL with DATABASE_URL=postgres://…
test-chaos: setup-dev
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -p no:cacheprovider -s -m chaos tests/annotate/test_many_processes.py tests/test_chaos.py $(TESTFLAGS)

# Every published bad input and attack, and FUZZ generated requests; on PostgreSQL with DATABASE_URL=postgres://…
test-security: setup-dev
	CONCORD_FUZZ=$(FUZZ) $(PYTEST) $(SECURITY) $(TESTFLAGS)

test-training: setup-dev
	$(PYTEST) -m torch $(TESTFLAGS)

test-browser: setup-dev
	$(PYTEST) -m browser $(TESTFLAGS)

# The pictures of the README, from a demo in a data directory of its own.
images: setup-dev
	CONCORD_DATA_DIR=$(CURDIR)/var/images $(MAKE) demo ONCE=1
	CONCORD_IMAGES_FROM=$(CURDIR)/var/images $(PYTEST) -m images tests/browser/test_images.py tests/browser/test_annotation_images.py tests/browser/test_quality_images.py

lint: setup-dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

fmt: setup-dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

types: setup-dev
	$(BIN)/mypy annotate/quality rlhf/contract
