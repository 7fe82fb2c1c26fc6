# `make demo` and `make test` set up everything they need in .venv; Python >= 3.11 is all they ask for.
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip install --quiet --disable-pip-version-check
ONE_THREAD := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
MAIN_DEMO := examples/logistic_regression.py
DEMOS := $(MAIN_DEMO) $(filter-out $(MAIN_DEMO),$(sort $(wildcard examples/*.py)))
NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
# Arguments for pytest: make test ARGS="-m slow"
ARGS ?=
# Random programs to check, and the first seed (by the clock if it is empty): make fuzz N=10000 SEED=1
N ?= 1000
SEED ?=

.PHONY: help demo test bench fuzz docs format clean

help:
	@echo "make demo | test | bench | fuzz | docs | format | clean"

demo: $(VENV)/.ready
	@set -e; for demo in $(DEMOS); do \
	    echo "== $$demo"; \
	    $(ONE_THREAD) MPLBACKEND=Agg $(PY) $$demo; \
	done

# Every check runs, whatever the ones before it say; pytest's summary comes last.
test: $(VENV)/.ready
	@status=0; \
	$(PY) -m ruff check . || status=1; \
	$(PY) -m ruff format --check . || status=1; \
	$(PY) -m mypy dualdiff || status=1; \
	$(ONE_THREAD) $(PY) -m pytest -n 2 $(ARGS) || status=1; \
	[ $$status = 0 ] || echo "make test: a check above failed" >&2; \
	exit $$status

bench: $(VENV)/.ready-bench
	$(ONE_THREAD) $(PY) -m benchmarks
	$(ONE_THREAD) $(PY) -m benchmarks.functions
	$(ONE_THREAD) $(PY) -m benchmarks.special

# The site, with the pictures of the examples; a warning is an error.
docs: $(VENV)/.ready-docs
	$(ONE_THREAD) MPLBACKEND=Agg $(PY) -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "the site is docs/_build/html/index.html"

fuzz: $(VENV)/.ready
	$(ONE_THREAD) $(PY) -m tests.fuzz $(N) $(if $(SEED),--seed $(SEED))

format: $(VENV)/.ready
	$(PY) -m ruff check --fix .
	$(PY) -m ruff format .

clean:
	rm -rf $(VENV) .versions docs/_build docs/gallery build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# An existing .venv is kept and brought up to date; one that cannot run pip is made again.
$(VENV)/.ready: pyproject.toml
	@if $(PY) -c '$(NEW_ENOUGH)' 2>/dev/null && $(PY) -m pip --version >/dev/null 2>&1; then \
	    exit 0; \
	fi; \
	for candidate in python3.13 python3.12 python3.11 python3 python; do \
	    if $$candidate -c '$(NEW_ENOUGH)' 2>/dev/null; then \
	        echo "making $(VENV) with $$candidate"; \
	        $$candidate -m venv --clear $(VENV) && exit 0; \
	        echo "error: $$candidate cannot make a virtual environment" \
	            "(on Debian and Ubuntu: apt install $$candidate-venv)" >&2; \
	        exit 1; \
	    fi; \
	done; \
	echo "error: dualdiff needs Python 3.11 or newer; none of python3.13, python3.12, python3.11," \
	    "python3 and python on PATH is" >&2; \
	exit 1
	@echo "installing dualdiff with its test and demo requirements into $(VENV)"
	@$(PIP) -e '.[test,demo,compat]'
	@touch $@

$(VENV)/.ready-docs: $(VENV)/.ready
	@$(PIP) -e '.[docs]'
	@touch $@

# torch by version first: unpinned, pip may fetch a newer build of several gigabytes.
$(VENV)/.ready-bench: $(VENV)/.ready
	@echo "installing the peers to measure against into $(VENV)"
	@$(PY) -c 'import torch' 2>/dev/null || $(PIP) torch==2.13.0
	@$(PIP) -e '.[bench]'
	@touch $@
