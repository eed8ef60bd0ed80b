# `make demo` and `make test` do all set-up on a machine with Python 3.10 or later.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# a process for each core, of one thread: a file's tests stay together, with what they share; a process that dies ends
# the suite, for pytest-xdist, which would start another, then may wait for ever
XDIST := --numprocesses auto --maxprocesses 4 --dist loadfile --max-worker-restart 0
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(XDIST)
CODE := safebench inpainters detectors reports postprocessing tests benchmarks docs/hooks setup.py
MODELS := $(wildcard */*/card.toml) safebench/models/kinds.py

.PHONY: help install demo docs test lint types fast columns models clean

help:  ## Show this.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

install: $(INSTALLED)  ## Make the virtual environment and install SafeBench in it.

# installed anew where a model folder came or went, since each is an entry point
$(INSTALLED): pyproject.toml setup.py $(MODELS)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	touch $@

demo: install  ## The main job on the built-in sample; prints the report's path.
	$(BIN)/safebench run demo.toml

docs: install  ## The documentation as a site, its gallery made by a real run: site/index.html.
	$(BIN)/mkdocs build --strict

test: install lint types  ## Linters, types and all tests.
	$(PYTEST)

fast: install  ## The tests without the slow ones.
	$(PYTEST) -m 'not slow'

lint: install  ## Ruff: style and format.
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)

types: install  ## Mypy, strict.
	$(BIN)/mypy $(CODE)

models: install  ## Write docs/models.md anew, from the cards.
	$(BIN)/python -m safebench.models.matrix docs/models.md

columns: install  ## Write docs/columns.md anew, from the schema and the metrics.
	$(BIN)/python -m safebench.results.reference docs/columns.md

clean:  ## Remove the environment, caches and builds (runs stay).
	rm -rf $(VENV) build dist site *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
