# Everything a person does with this checkout. `make` alone lists the targets.
# A fresh machine needs Python 3.11-3.13 and make, nothing else.

PYTHON ?= $(firstword $(foreach v,python3.11 python3.12 python3.13,$(shell command -v $(v) 2>/dev/null)) python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST := $(BIN)/python -m pytest
# a test waits for its database about half of the time
WORKERS ?= 3
export DO_NOT_TRACK := 1
export DAGSTER_DISABLE_TELEMETRY := 1
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
# what an image may set: dozens of processes would compile the same code again and again
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help env demo up down status test test-all lint lint-style lint-types lint-imports lint-tests lint-dbt format lock bench bench-warehouse bench-webhooks bench-onboarding bench-week pages docs dbt-env clean

help: ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(STAMP) ## build the environment from the pinned lock

$(STAMP): requirements.lock requirements-bootstrap.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v < (3, 14) else f"Python {v[0]}.{v[1]} found, but 3.11 to 3.13 is needed: run make PYTHON=/path/to/python3.12")'
	@echo "· building the environment in $(VENV) from requirements.lock"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements-bootstrap.lock
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --no-deps --require-hashes --requirement requirements.lock 2>/dev/null \
	  || $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index --editable .
	@touch $@

demo: env ## connect three agents, load everything, build the warehouse, print the figures
	@$(BIN)/brokerage demo

up: env ## start everything and leave it running (Dagster on http://127.0.0.1:3000)
	@$(BIN)/brokerage up

down: ## stop everything that `make up` or `make demo` started
	@if [ -x $(BIN)/brokerage ]; then $(BIN)/brokerage down; else echo "Nothing is installed, so nothing is running."; fi

status: env ## what runs, what is connected, what was synced, what failed
	@$(BIN)/brokerage status

lint: env ## format check, ruff, types, import rules, SQL, dbt conventions, side by side
	@$(MAKE) --no-print-directory -j 5 lint-dbt lint-types lint-imports lint-style lint-tests

lint-style:
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .

lint-types:
	@$(BIN)/pyrefly check

# that every test can be read; the processes that run them find them compiled
lint-tests:
	@$(PYTEST) --collect-only --quiet --quiet --no-header >/dev/null || $(PYTEST) --collect-only --quiet --quiet

lint-imports:
	@$(BIN)/lint-imports --no-cache

lint-dbt:
	@$(BIN)/python -m tests.lint_dbt

format: env ## format the Python code
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix .

test: lint ## lint and the fast test suite
	@$(PYTEST) -n $(WORKERS) -m "not slow"

test-all: lint ## lint and every test
	@$(PYTEST) -n $(WORKERS)

bench: env ## speed against dlt's rest_api source and a raw COPY, in one run
	@$(BIN)/python -m bench

bench-warehouse: env ## time of dbt on a warehouse of production size (10 GB under /tmp, half an hour)
	@$(BIN)/python -m bench.warehouse $(BENCH)

bench-webhooks: env ## from a webhook to the mart, with the whole platform running
	@$(BIN)/python -m bench.webhooks

bench-onboarding: env ## twenty agents connect at once, while the fast lane goes on
	@$(BIN)/python -m bench.onboarding

bench-week: env ## a week in which the platform runs by itself, on a false clock (Linux)
	@$(BIN)/python -m bench.week

pages: env ## write the generated pages of docs/ anew
	@$(BIN)/python -m brokerage.settings_doc
	@$(BIN)/python -m assets.warehouse_map
	@$(BIN)/python -m tests.metrics_doc
	@$(BIN)/python -m sensors.background_tasks

docs: pages ## the same, then show dbt's documentation of the warehouse on http://127.0.0.1:8580
	@$(BIN)/python -m assets.warehouse_docs

dbt-env: env ## what dbt and mf need to know: eval "$$(make -s dbt-env)"
	@$(BIN)/python -c 'import shlex; from resources.dbt import dbt_environment; print("\n".join(f"export {name}={shlex.quote(value)}" for name, value in dbt_environment().items()))'

lock: ## pin every dependency anew (no index address is written)
	@$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --quiet --output-file requirements.lock

clean: ## stop everything, remove the environment and all local data
	@if [ -x $(BIN)/brokerage ]; then $(BIN)/brokerage down --purge; fi
	@rm -rf $(VENV) .brokerage dbt_project/target dbt_project/logs
