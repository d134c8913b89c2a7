# make demo   set up, train the demo runs once, start the app
# make test   set up, then lint, types, import rules, unit, page and browser tests
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501

.PHONY: demo test serve setup clean

demo: setup
	$(BIN)/lwal demo --port $(PORT)

test: setup
	$(BIN)/python tests/run_all.py

serve: setup
	$(BIN)/lwal serve --port $(PORT)

setup: $(VENV)/.installed

$(VENV)/.installed: requirements.txt requirements-dev.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
