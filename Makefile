# Each target sets up what it needs; nothing but Python 3.11 or later and make is asked of the machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

# Compiling every import anew would triple the start of each command.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: run test compiled slow quick check docs generated bench clean help

help:  ## show this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

run: $(INSTALLED)  ## the whole walkthrough on this machine, through `mlflow run .`
	PATH="$(abspath $(BIN)):$$PATH" $(BIN)/mlflow run . --env-manager local --experiment-name housing

test: $(INSTALLED)  ## lint, types, import contracts, tests: about ten minutes on two cores
	@$(MAKE) --no-print-directory -j2 check compiled
	$(BIN)/python -m pytest -m "not slow"

# On the core that mypy leaves: each worker of a new checkout would compile all that it imports. Tests tell what fails.
compiled: $(INSTALLED)
	@$(BIN)/python -m pytest -n 0 -m "not slow" --collect-only -q > /dev/null 2>&1 || true

slow: $(INSTALLED)  ## the tests that `make test` leaves out: long walks, kills at random moments, servers of others
	$(BIN)/python -m pytest -m slow

# Whoever changes what is served runs `make test`. These tests do not wait, so that a third worker would only import.
QUICK := algorithms cli/test_arguments.py data deployment monitoring promotion reporting tasks training tuning
# Of these folders, what asks databases, S3 and fresh processes.
NOT_QUICK := algorithms/test_xgboost_library.py data/test_ames.py data/test_every_source.py training/test_artifact.py
quick: $(INSTALLED)  ## tests that start no server: about a minute
	$(BIN)/python -m pytest -n 2 -m "not slow" $(addprefix tests/,$(QUICK)) $(addprefix --ignore=tests/,$(NOT_QUICK))

check: $(INSTALLED)  ## the fast part: lint, types, import contracts
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(INSTALLED)  ## the site of docs/ in build/site, offline; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

generated: $(INSTALLED)  ## files that are made from the code: schemas, the page of the record, the reference
	$(BIN)/python -m housing.config.json_schema
	$(BIN)/python -m housing.tracking.schema
	$(BIN)/python -m docs.write

bench: $(INSTALLED)  ## ratios against bare baselines, measured in the same run
	$(BIN)/python -m benchmarks

clean:  ## remove the environment and caches; records and models stay
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# uv resolves and installs in seconds. NCCL (470 MB) serves clusters of GPUs only; xgboost imports it when asked to.
$(INSTALLED): setup.cfg pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet uv
	echo "nvidia-nccl-cu12; sys_platform == 'never'" > $(VENV)/overrides.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --override $(VENV)/overrides.txt --editable '.[dev]'
	touch $@
