# Everything is installed into .venv and found there: nothing else on this machine is changed, except that the tests, run
# by root on Debian or Ubuntu, install the package slurm-wlm for tests/cluster.
PYTHON ?= python3
IN_VENV := PATH="$(CURDIR)/.venv/bin:$$PATH"
INSTALLED := .venv/installed

.DEFAULT_GOAL := help
.PHONY: demo test lint style rules types plan docs format clean help compiler

demo: compiler $(INSTALLED) ## simulate, train, evaluate; ends with results/demo/report.html
	$(IN_VENV) snakemake --cores all
	@echo "The report is in results/demo/report.html"

test: compiler $(INSTALLED) ## run all tests
	$(IN_VENV) pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: style rules types plan docs ## check style, types, workflow and documentation; change nothing

# The checks one by one: .pre-commit-config.yaml calls the same.
style: $(INSTALLED)
	$(IN_VENV) ruff check .
	$(IN_VENV) ruff format --check .

rules: $(INSTALLED)
	$(IN_VENV) snakefmt --check workflow

types: $(INSTALLED)
	$(IN_VENV) mypy pairvae

plan: $(INSTALLED)
	$(IN_VENV) snakemake --lint

docs: $(INSTALLED) ## build the documentation into docs/site
	$(IN_VENV) sphinx-build --fail-on-warning --keep-going --fresh-env --quiet -c docs . docs/site

format: $(INSTALLED) ## bring code and rules into the common format
	$(IN_VENV) ruff check --fix .
	$(IN_VENV) ruff format .
	$(IN_VENV) snakefmt workflow

clean: ## remove .venv and caches; results stay
	rm -rf .venv .snakemake docs/site .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## /\1: /p' $(MAKEFILE_LIST) | awk -F': ' '{ printf "make %-8s %s\n", $$1, $$2 }'

$(INSTALLED): pyproject.toml
	@command -v $(PYTHON) > /dev/null || { echo "make: no $(PYTHON) found; install Python 3.11 or newer, or name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: $(PYTHON) is older than Python 3.11; name a newer one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { echo "make: $(PYTHON) cannot make virtual environments; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	.venv/bin/python -m pip install --quiet --editable '.[test,lint]'
	@touch $@

compiler: # sasmodels compiles the particles' models when they are first used
	@command -v $${CC:-cc} > /dev/null || command -v gcc > /dev/null || { echo "make: no C compiler found, which the simulation needs; on Debian or Ubuntu: apt-get install gcc libc6-dev; on macOS: xcode-select --install" >&2; exit 1; }
