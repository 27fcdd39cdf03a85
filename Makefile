# Every target sets up .venv itself; Python 3.11 or later and make are all it takes.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/test
LOCKS := deploy/requirements
DOCKER29 := $(CURDIR)/.bench/tools/docker29

# What is downloaded and built lies below the checkout, not in the home of the person who runs it.
export PIP_CACHE_DIR := $(CURDIR)/.cache/pip
export UV_CACHE_DIR := $(CURDIR)/.cache/uv
export PYTHONPYCACHEPREFIX := $(CURDIR)/.cache/pycache
unexport PYTHONDONTWRITEBYTECODE
export TMPDIR := $(CURDIR)/.cache/tmp
$(shell mkdir -p $(TMPDIR))
INSTALL := $(BIN)/uv pip install --quiet --no-deps
PARALLEL := -q -n auto --dist loadscope
# Tests that take long run in CI; the others need less than three minutes of processor time. Slow tests
# run on their own there, because measuring their coverage would take too long.
SELECTED := -m "not slow$(if $(CI),, and not thorough)"
# Slow tests mostly wait for servers and time limits, so more of them run at once than CI has processors.
SLOW := -q -n 4 --dist loadscope -m slow
# Statements and branches of policyd/, in all processes; CI measures them, since it takes twice the time.
COVERED := --cov=policyd --cov-report=term --cov-fail-under=97

.PHONY: attacks demo demo-console demo-host test test-docker29 coverage test-oldest test-newest lint lock bench docs docs-pages screenshots compose-diff clean

demo: .venv/run
	$(BIN)/python deploy/demo.py

# The console with a made-up quarter of decisions of five teams on three hosts.
demo-console: $(READY)
	$(BIN)/python -m tests.demo_console

# `docker compose up` of the examples beside a Docker daemon with the gate; it needs root.
demo-host: $(READY)
	$(BIN)/python -m tests.demo_host

# The gate of a host beside Docker 29, with either store of images; it needs root, go, gcc, libseccomp-dev
# and busybox-static. Docker 29 is built from its Go modules first, in some ten minutes of processor time.
test-docker29: $(READY) $(DOCKER29)/dockerd $(DOCKER29)/containerd $(DOCKER29)/runc
	PATH=$(DOCKER29):$$PATH $(BIN)/python -m pytest -q tests/integration/test_dockerd*.py
	PATH=$(DOCKER29):$$PATH DOCKERD_IMAGE_STORE=containerd $(BIN)/python -m pytest -q tests/integration/test_dockerd*.py

$(DOCKER29)/dockerd:
	GOBIN=$(DOCKER29) CGO_ENABLED=0 nice go install github.com/moby/moby/v2/cmd/dockerd@v2.0.0-beta.24

$(DOCKER29)/containerd:
	GOBIN=$(DOCKER29) CGO_ENABLED=0 nice go install github.com/containerd/containerd/v2/cmd/containerd@v2.3.5 \
		github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2@v2.3.5

$(DOCKER29)/runc:
	GOBIN=$(DOCKER29) nice go install -tags seccomp github.com/opencontainers/runc@v1.5.1

test: $(READY)
	$(BIN)/python -m pytest $(PARALLEL) $(SELECTED) $(if $(CI),$(COVERED))
	$(if $(CI),$(BIN)/python -m pytest $(SLOW))
	$(BIN)/policyd test policies --coverage --min 95

coverage: $(READY)
	$(BIN)/python -m pytest $(PARALLEL) -m "not slow" $(COVERED)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(READY)
	$(BIN)/python -m tests.bench

attacks: $(READY)
	$(BIN)/python -m tests.attacks

docs-pages: $(READY)
	$(BIN)/python -m tests.docs

docs: docs-pages .venv/docs
	$(BIN)/mkdocs build --strict --quiet

# Prints which answers change with another version of compose-go: make compose-diff VERSION=2.16.2
VERSION ?= latest
MINUTES ?= 5

compose-diff: $(READY)
	$(BIN)/python -m tests.conformance.compose_diff $(VERSION) --minutes $(MINUTES)

# The pictures of the console in README and docs; it needs Chromium.
screenshots: $(READY) .venv/browser
	$(BIN)/python -m tests.screenshots

# What `make test` runs, on the oldest and the newest versions that the ranges of pyproject.toml allow.
test-oldest: RESOLUTION := lowest-direct
test-newest: RESOLUTION := highest
test-oldest test-newest: .venv/build
	@$(PYTHON) -m venv --clear .cache/$@
	@$(BIN)/uv pip compile --quiet --no-header --no-annotate --resolution $(RESOLUTION) \
	  --python .cache/$@/bin/python --extra test --group build pyproject.toml -o .cache/$@.txt
	@$(INSTALL) --python .cache/$@/bin/python -r .cache/$@.txt
	@$(INSTALL) --python .cache/$@/bin/python --no-build-isolation --editable .
	.cache/$@/bin/python -m pytest $(PARALLEL) $(SELECTED)

# Chooses the versions that the other targets install, and records them with their hashes.
lock: .venv/build
	$(call compile,run,--extra inventory --extra oidc --extra otel --extra postgres --extra signing pyproject.toml)
	$(call compile,test,--extra test pyproject.toml)
	$(call compile,docs,--extra docs pyproject.toml)
	$(call compile,browser,--extra browser pyproject.toml)
	$(call compile,build,--group build)

compile = @UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --upgrade --universal \
  --python-version 3.11 --generate-hashes --no-annotate $(2) -o $(LOCKS)/$(1).txt

# .venv/NAME says that what deploy/requirements/NAME.txt lists is installed.
.venv/run .venv/test .venv/docs .venv/browser: .venv/%: $(LOCKS)/%.txt pyproject.toml policyd/__init__.py .venv/build
	@$(INSTALL) --python $(BIN)/python --require-hashes -r $<
	@$(INSTALL) --python $(BIN)/python --no-build-isolation --editable .
	@touch $@

.venv/build: $(LOCKS)/build.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "policyd needs Python 3.11 or later; try: make PYTHON=python3.11")'
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r $<
	@touch $@

clean:
	rm -rf .venv .bench .cache build dist
