# Both commands set themselves up: a virtual environment in .venv (or VENV=…), then an install that
# is repeated only when pyproject.toml or constraints.txt change. pip's own settings are honoured.
VENV ?= .venv
PYTHON ?= python3
BIN := $(VENV)/bin
TORTURE ?= .torture
STAMP := $(VENV)/.installed-$(shell cat pyproject.toml constraints.txt | cksum | cut -d' ' -f1)

.PHONY: quickstart test test-slow torture generate check docs wheel dist install

quickstart: $(STAMP)  ## train cross-entropy and SKDSAM on digits, compare them
	$(BIN)/selfdistill quickstart

test: $(STAMP)  ## the whole default test suite
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder

test-slow: $(STAMP)  ## the tests that the default suite leaves out, in about half an hour
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n 2 --dist loadfile -m slow

torture: $(STAMP)  ## every promise with all attempts, in about an hour; goes on where it stopped
	cd tests && OMP_NUM_THREADS=1 $(abspath $(BIN))/python -m torture --out $(abspath $(TORTURE))

generate: $(STAMP)  ## what is written from the code; measures new methods
	$(BIN)/python tests/methods/test_golden.py
	$(BIN)/python docs/generate_design.py
	OMP_NUM_THREADS=1 $(BIN)/python docs/generate_methods.py --measure
	$(BIN)/python docs/generate_results.py
	$(BIN)/python docs/generate_early_exits.py
	$(BIN)/python docs/generate_choice.py
	SNAPSHOTS=write OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q tests/cli/test_interface.py

check: $(STAMP)  ## lint, types and import rules
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/lint-imports

docs: $(STAMP)  ## the documentation as a site in .site/html; every link and entry checked
	$(BIN)/python docs/website/build.py

wheel: $(STAMP)  ## build the wheel and run it in an empty folder, away from this checkout
	BIN=$(abspath $(BIN)) sh tests/wheel.sh

dist: $(STAMP)  ## wheel and sdist in dist/, checked as a package index will
	rm -rf dist
	$(BIN)/python -m pip install --quiet -c constraints.txt build twine
	$(BIN)/python -m build --outdir dist
	$(BIN)/python -m twine check --strict dist/*

install: $(STAMP)  ## only the virtual environment

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "selfdistill needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version 2>&1): set PYTHON=…"; exit 2; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "$(PYTHON) has no venv module: install it (Debian: apt install python3-venv)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[dev]"
	@rm -f $(VENV)/.installed-* && touch $@
