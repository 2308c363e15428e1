# Every target makes what it needs; `make` alone lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
VENV := .venv/bin
JOBS ?= auto
PYTEST := $(VENV)/python -m pytest --numprocesses $(JOBS)
# Each process of the operator's tests has an API server of its own; a cluster that exists is one. What measures time
# and memory runs alone.
CONTROL_PLANES ?= $(if $(TEST_USE_EXISTING_CLUSTER),0,2)
SOURCES := core operator webhook worker observability tests bench conftest.py scripts/compile_lean.py

.PHONY: help
help: ## List what there is to do
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: install install-dev
install:
	@scripts/setup embedded
install-dev:
	@scripts/setup dev

.PHONY: run
run: install ## Start everything on this machine and show three leads travelling (needs Python >= 3.11; ARGS="--port 8080 …")
	@$(VENV)/leadgateway dev $(ARGS)

.PHONY: test
test: install-dev ## Every test that needs nothing but Python, with the coverage of route and pipeline
	$(PYTEST) tests/unit tests/property tests/integration tests/chaos --cov --cov-report=term $(ARGS)

.PHONY: test-operator
test-operator: install-dev ## The operator against a real API server (needs Go, or KUBEBUILDER_ASSETS, or a cluster)
	$(VENV)/python -m pytest --numprocesses $(CONTROL_PLANES) --dist loadfile tests/operator --ignore=tests/operator/test_scale.py $(ARGS)
	$(VENV)/python -m pytest tests/operator/test_scale.py $(ARGS)

.PHONY: check-chart
check-chart: install-dev ## The Helm chart: rendered, linted, and judged by an API server (needs Helm, and what test-operator needs)
	$(PYTEST) tests/chart $(ARGS)

.PHONY: test-cluster
test-cluster: install-dev ## The gateway in real pods of the cluster that KUBECONFIG names (needs Helm, and docker or buildah)
	$(VENV)/python -m pytest tests/cluster --timeout=600 $(ARGS)

.PHONY: test-browser
test-browser: install-dev ## The console in a real browser (needs Chromium; PICTURES=folder keeps what it saw)
	LEADGATEWAY_PICTURES=$(PICTURES) $(VENV)/python -m pytest tests/browser $(ARGS)

.PHONY: pictures
pictures: ## Take the pictures of the console for the documentation anew
	$(MAKE) test-browser PICTURES=docs/images ARGS="-k page"

.PHONY: test-performance
test-performance: install-dev ## What a lead costs, how soon its customer has it, what a second worker adds, within wide bands; alone on the machine
	$(VENV)/python -m pytest tests/performance $(ARGS)

# The service that Debian's package may start does not matter: the tests start their own, on free ports.
.PHONY: test-observe
test-observe: install-dev ## What dashboards and alerts ask and fire on, by Prometheus' own word (installs prometheus where apt and root can)
	@{ command -v prometheus && command -v promtool; } >/dev/null || { apt-get update -qq && apt-get install -y -qq prometheus; } || \
	  { echo 'these tests need Prometheus (Debian and Ubuntu: apt install prometheus)' >&2; exit 1; }
	$(VENV)/python -m pytest tests/observe $(ARGS)

.PHONY: test-all
test-all: test test-performance test-operator check-chart test-browser test-cluster test-observe ## Everything, with nothing skipped (needs what the targets above need)

.PHONY: check
check: install-dev ## Lint, format, types, import contracts, the Dockerfile, generated files
	$(VENV)/ruff check $(SOURCES)
	$(VENV)/ruff format --check $(SOURCES)
	$(VENV)/mypy
	$(VENV)/mypy tests bench observability
	$(VENV)/lint-imports --no-cache
	$(VENV)/hadolint Dockerfile
	$(VENV)/python -m leadgateway.route.crd | diff -u crds/leadroutes.yaml - || \
	  { echo "crds/leadroutes.yaml is stale: run 'make generate'" >&2; exit 1; }
	$(VENV)/python -m leadgateway.telemetry.catalogue | diff -u docs/metrics.md - || \
	  { echo "docs/metrics.md is stale: run 'make generate'" >&2; exit 1; }
	$(VENV)/python -m observability --check charts/lead-gateway

.PHONY: format
format: install-dev ## Format the code and mend what ruff can
	$(VENV)/ruff format $(SOURCES)
	$(VENV)/ruff check --fix $(SOURCES)

.PHONY: generate
generate: install-dev ## Write the files that are generated from the code
	$(VENV)/python -m leadgateway.route.crd > crds/leadroutes.yaml
	$(VENV)/python -m leadgateway.telemetry.catalogue > docs/metrics.md
	$(VENV)/python -m observability charts/lead-gateway
	cp crds/leadroutes.yaml charts/lead-gateway/files/leadroutes.yaml

.PHONY: chaos
chaos: install-dev ## Kill, stop and cut everything under load, then audit every lead (SEED=… MINUTES=10 ARGS="--only postgres")
	$(VENV)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) $(ARGS)

.PHONY: bench
bench: install-dev ## Measure rates, latencies and CPU per lead beside Django + Celery (ARGS=--list: what; ARGS=--all: the whole matrix)
	@scripts/setup-baseline
	$(VENV)/python -m bench $(ARGS)

.PHONY: bench-pages
bench-pages: install-dev ## Measure how long people wait for the console's pages among a million leads (ARGS="--leads 100000"; a few minutes)
	$(VENV)/python -m bench.pages $(ARGS)

.PHONY: bench-retention
bench-retention: install-dev ## Measure retention, and an erasure with its proof, among a million leads (ARGS="--leads 100000"; a few minutes)
	$(VENV)/python -m bench.retention $(ARGS)

.PHONY: bench-search
bench-search: install-dev ## Measure how long people wait for a page among a million leads (ARGS="--leads 100000"; a few minutes)
	$(VENV)/python -m bench.search $(ARGS)

.PHONY: audit
audit: install-dev ## Ask the vulnerability database about every locked package (needs the network)
	$(VENV)/pip-audit --requirement requirements/runtime.txt --no-deps --disable-pip

.PHONY: lock
lock: install-dev ## Resolve the dependencies anew into requirements/ (ARGS=--upgrade for newer versions)
	@scripts/lock $(ARGS)

.PHONY: clean
clean: ## Remove the virtual environment, caches and the development data
	rm -rf .venv .venv-baseline .leadgateway .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
