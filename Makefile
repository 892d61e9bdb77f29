# Every target sets up what it needs in .venv. PYTHON must be 3.11, because the tests run on slicer-core.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.PHONY: demo test backend bench lint lists clean
.DELETE_ON_ERROR:

$(READY): pyproject.toml .ci/constraints.txt
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint .ci/constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint .ci/constraints.txt --editable '.[test,slicer,lint]'
	touch $@

demo: $(READY)  ## phantom data, teacher, baseline, student, report, pictures of the overlay in a MRML scene
	$(BIN)/python Testing/demo.py demo

test: $(READY)
	$(BIN)/python -m pytest -q --durations=10

backend:  ## the backend's tests in another Python: make backend PYTHON=python3.12
	PYTHON=$(PYTHON) .ci/backend

bench: $(READY)  ## segmenting against MONAI, and from click to overlay, with the same weights and volume
	$(BIN)/python Testing/benchmarks/bench_segment.py
	$(BIN)/python Testing/benchmarks/bench_click.py

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

lists: $(READY)  ## write the lists of scripts and resources into the CMakeLists.txt of the modules
	$(BIN)/python .ci/update_cmake_lists.py

docs: $(READY)  ## build the documentation into build/site; a warning is an error
	$(BIN)/python -m pip install --quiet --constraint .ci/constraints.txt --editable '.[docs]'
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf $(VENV) demo runs build
