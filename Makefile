# Every target sets up what it needs in .venv. PYTHON chooses the interpreter, JOBS the number of test processes.
PYTHON ?= $(shell .ci/find_python)
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder --durations=10
.DEFAULT_GOAL := help

.PHONY: help demo test coverage backend bench lint lists docs clean
.DELETE_ON_ERROR:

help:  ## list the targets
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:[^#]*##/\t/' | expand -t 12

# one stamp for each set of packages, so that a target installs what it needs and no more
$(BIN)/python:
	@test -n "$(PYTHON)"
	$(PYTHON) -m venv $(VENV)

$(VENV)/package: $(BIN)/python pyproject.toml .ci/constraints.txt
	$(PIP) torch
	$(PIP) --editable .
	touch $@

$(VENV)/slicer: $(VENV)/package
	$(PIP) --editable '.[slicer]'
	touch $@

$(VENV)/ready: $(VENV)/slicer
	$(PIP) --editable '.[test,slicer,testbed]'
	touch $@

$(VENV)/lint: $(VENV)/ready
	$(PIP) --editable '.[lint]'
	touch $@

$(VENV)/docs: $(VENV)/package
	$(PIP) --editable '.[docs]'
	touch $@

demo: $(VENV)/package  ## draw phantom cases; train teacher, baseline and student; write a report and pictures to demo/
	-@$(PIP) --editable '.[slicer]' 2>/dev/null || echo "slicer-core has no wheel for this Python: no pictures of slice views."
	$(BIN)/python Testing/demo.py demo

test: $(VENV)/ready  ## run all tests (Python 3.11: slicer-core has wheels for it)
	$(PYTEST)

coverage: $(VENV)/ready  ## run all tests and measure the lines of kdnet that they run; below 90 % is an error
	mkdir -p build/coverage
	$(PYTEST) --cov --cov-report=term --cov-report=html:build/coverage/html

backend:  ## run the backend's tests in another Python: make backend PYTHON=python3.12
	PYTHON=$(PYTHON) .ci/backend

bench: $(VENV)/ready  ## compare speed and memory with MONAI and nnU-Net, into docs/benchmarks (20 minutes on two free cores)
	for name in segment click training volumes batch preparing; do \
		$(BIN)/python Testing/benchmarks/bench_$$name.py --write docs/benchmarks || exit 1; \
	done

lint: $(VENV)/lint  ## check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lists: $(VENV)/package  ## write the lists of scripts and resources into the CMakeLists.txt of the modules
	$(BIN)/python .ci/update_cmake_lists.py

docs: $(VENV)/docs  ## build the documentation in build/site; a warning is an error
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:  ## remove the environment, the demo and builds
	rm -rf $(VENV) demo runs build
