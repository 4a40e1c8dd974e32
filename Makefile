# Two commands: `make run` goes from simulated collisions to the report, `make test` proves it.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed
RUN ?= runs/default
TREE := build/tree
ROOMS := $(shell sed -n 's/^"edgetrack\.[a-z_]*" = "\([a-z_]*\)"$$/\1/p' pyproject.toml)

export OMP_WAIT_POLICY := PASSIVE

.PHONY: setup run test lint types imports

setup: $(STAMP)

$(STAMP): pyproject.toml setup.py constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "edgetrack needs Python 3.11 or newer: make PYTHON=python3.11 …")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[cpu,sim,embeddings,dev]'
	touch $(STAMP)

run: $(STAMP)
	$(BIN)/edgetrack run --folder $(RUN)

test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist loadfile

lint: $(STAMP) types imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) $(TREE)
	MYPYPATH=$(TREE) $(BIN)/mypy -p edgetrack
	MYPYPATH=$(TREE):tests $(BIN)/mypy tests

imports: $(STAMP) $(TREE)
	cd $(TREE) && $(CURDIR)/$(BIN)/lint-imports --no-logo --cache-dir $(CURDIR)/.cache/import-linter $(CURDIR)/pyproject.toml

# The package as it is imported, as links: the tools that read source know no mapped folders.
$(TREE): pyproject.toml
	@rm -rf $@ && mkdir -p $@/edgetrack
	@for room in $(ROOMS); do ln -s $(CURDIR)/$$room $@/edgetrack/$$room; done
	@for file in __init__.py py.typed; do ln -s $(CURDIR)/edgetrack/$$file $@/edgetrack/$$file; done
