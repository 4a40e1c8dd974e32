# Two commands: `make run` goes from simulated collisions to the report, `make test` proves it.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
RUN ?= runs/default
ROOMS := $(shell sed -n 's/^"edgetrack\.[a-z_]*" = "\([a-z_]*\)"$$/\1/p' pyproject.toml)

export OMP_WAIT_POLICY := PASSIVE

.PHONY: setup run test lint types

setup: $(STAMP)

$(STAMP): pyproject.toml setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "edgetrack needs Python 3.11 or newer: make PYTHON=python3.11 …")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch==2.13.0
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[cpu,sim,dev]'
	touch $(STAMP)

run: $(STAMP)
	$(BIN)/edgetrack run --folder $(RUN)

test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(STAMP) types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo --cache-dir .cache/import-linter

types: $(STAMP)
	@mkdir -p build/typing/edgetrack
	@for room in $(ROOMS); do \
		ln -sfn $(CURDIR)/$$room build/typing/edgetrack/$$room; done
	MYPYPATH=build/typing $(BIN)/mypy -p edgetrack
