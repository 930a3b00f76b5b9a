# Every target sets up what it needs in .venv; nothing but python3 (3.11 or newer) and make is asked for.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check -q

help:  ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

$(VENV)/.run: requirements/runtime.txt
	@command -v $(PYTHON) >/dev/null || { echo "lastcall needs python3 (3.11 or newer)"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit("lastcall needs Python 3.11 or newer, this is " + sys.version.split()[0] if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements/runtime.txt
	@touch $@

$(VENV)/.dev: requirements/dev.txt pyproject.toml $(VENV)/.run
	$(PIP) install --require-hashes -r requirements/dev.txt
	$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

demo: $(VENV)/.run  ## the whole main job offline, under 30 seconds
	@PYTHONPATH=. $(BIN)/python -m monitor demo $(DEMO)

# Four workers on two cores: many tests wait for clocks and other processes.
test: $(VENV)/.dev  ## the tests (ARGS="-k name" for some)
	$(BIN)/python -m pytest -n 4 --dist worksteal $(ARGS)

lint: $(VENV)/.dev  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev  ## put the code into its layout
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev  ## what it costs, beside what it could cost
	$(BIN)/python -m tests.bench $(ARGS)

lock:  ## renew requirements/*.txt from pyproject.toml (needs uv)
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header pyproject.toml -o requirements/runtime.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --extra dev pyproject.toml -o requirements/dev.txt
	uv pip compile -q --universal --python-version 3.11 --generate-hashes --no-header --group build -o requirements/build.txt

clean:  ## remove what the other targets made
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .hypothesis

.PHONY: help demo test lint format bench lock clean
