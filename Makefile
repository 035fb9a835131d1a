# `make` or `make help` lists the targets. Everything is installed in .venv at first use, and
# again when requirements/ changed.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

VENV ?= .venv
PYTHON_IN_VENV := $(VENV)/bin/python
REQUIREMENTS := $(sort $(wildcard requirements/*.txt requirements/install.sh))
INSTALLED := $(VENV)/.installed-$(shell cat $(REQUIREMENTS) | sha256sum | cut -c1-16)

# What needs no server is checked with the test settings, and with a key that protects nothing.
OFFLINE := DJANGO_SETTINGS_MODULE=frostbyte.settings.test FROSTBYTE_SECRET_KEY=only-to-load-the-settings

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: $(INSTALLED) ## Run Frostbyte on this machine with two demo tenants; ARGS="--port 9000"
	@exec $(PYTHON_IN_VENV) manage.py up $(ARGS)

.PHONY: test
test: $(INSTALLED) ## Run all tests, two files at a time, or ARGS="tests/tenants -k name"
	@requirements/install.sh system
	@$(PYTHON_IN_VENV) -m pytest $(or $(ARGS),-n 2 --dist loadfile)

.PHONY: check
check: $(INSTALLED) ## Check style, types, layers, migrations and settings
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy .
	$(VENV)/bin/lint-imports
	$(OFFLINE) $(PYTHON_IN_VENV) -W "ignore:Got an error checking" manage.py makemigrations --check --dry-run
	$(OFFLINE) $(PYTHON_IN_VENV) manage.py check

.PHONY: fix
fix: $(INSTALLED) ## Correct what can be corrected automatically
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

.PHONY: demo
demo: $(INSTALLED) ## Two tenants, the project's samples, questions with cited answers
	@$(PYTHON_IN_VENV) manage.py demo $(ARGS)

.PHONY: bench
bench: $(INSTALLED) ## Pages a second over the models' own time, and 1, 100, 300 tenants; ARGS: the first alone
	@$(PYTHON_IN_VENV) manage.py bench $(ARGS)
	@$(if $(ARGS),,$(PYTHON_IN_VENV) manage.py bench_tenants)

.PHONY: chaos
chaos: $(INSTALLED) ## Kill workers and servers, count what is lost; ARGS="kill disk --kills 20"
	@requirements/install.sh system
	@$(PYTHON_IN_VENV) -m tests.chaos $(ARGS)

.PHONY: clean
clean: ## Remove the virtual environment and the caches; data in .frostbyte stay
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis staticfiles
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED):
	@echo "Installing into $(VENV); this takes a few minutes."
	@requirements/install.sh venv $(VENV)
	@touch $@
