# make demo | test | test-quick | test-all | lint | bench | clean. Everything runs in .venv, which is made on first use.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
OUT ?= build/demo
WORKERS ?= 2
BENCHES ?= model_size hls4ml_csim rtl_frame network_synthesis mapped_netlist routed_clock popcount_luts fuzz

.PHONY: demo test test-quick test-all lint format bench clean setup

setup: $(STAMP)

# Made again when what is to be installed changes. The stamp comes last, so a broken install is tried again.
$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info < (3, 13) else "xnorsr needs Python 3.11 or 3.12, found " + sys.version.split()[0] + "; set PYTHON=/path/to/python3.11")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(STAMP)
	$(BIN)/xnorsr run demo --out $(OUT) --force

test: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not exhaustive" $(PYTEST_ARGS)

# Every network with every scheme, and further foldings, too.
test-all: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup $(PYTEST_ARGS)

# Without those that compile, simulate or synthesize.
test-quick: $(STAMP)
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup -m "not eda and not slow and not exhaustive" $(PYTEST_ARGS)

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# DATA=FOLDER, with T91 and Set5 in it, adds the training benchmark.
bench: $(STAMP)
	@set -e; for name in $(BENCHES); do echo "benchmarks.$$name"; $(BIN)/python -m benchmarks.$$name; done
	$(if $(DATA),$(BIN)/python -m benchmarks.training --train-data $(DATA)/T91 --test-data $(DATA)/Set5)

clean:
	rm -rf build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache
