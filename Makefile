# Every target sets up .venv itself; Python 3.11 or later and make are all it takes.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

# What is downloaded and built lies below the checkout, not in the home of the person who runs it.
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip

.PHONY: demo test lint bench docs docs-pages compose-diff clean

demo: $(READY)
	$(BIN)/python deploy/demo.py

test: lint
	$(BIN)/python -m pytest -n auto
	$(BIN)/policyd test policies --coverage --min 95

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python -m tests.bench

docs-pages: $(READY)
	$(BIN)/python -m tests.docs

docs: docs-pages
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[docs]'
	$(BIN)/mkdocs build --strict --quiet

# Prints which answers change with another version of compose-go: make compose-diff VERSION=2.16.2
VERSION ?= latest
MINUTES ?= 5

compose-diff: $(READY)
	$(BIN)/python -m tests.conformance.compose_diff $(VERSION) --minutes $(MINUTES)

$(READY): pyproject.toml policyd/__init__.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "policyd needs Python 3.11 or later; try: make PYTHON=python3.11")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	@touch $@

clean:
	rm -rf .venv .bench .cache build dist
