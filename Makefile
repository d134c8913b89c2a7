# make demo   set up, train the demo runs once, start the app; DATA=digits trains on digits instead of pictograms
# make test   set up, then lint, types, import rules and every tier of tests but the long one (tests/README.md)
# make test-long   set up, then the repetitions: kills and faults again and again
# make docs   set up, then build the documents as a site into build/site, without a network
# make image  build the container image; make up: app and worker with docker compose
# make image-test   build the image without a container engine and try it (root on Debian, some ten minutes)
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
DATA ?= pictograms

.PHONY: demo test test-long serve setup docs clean image up image-test

demo: setup
	$(BIN)/lwal demo --dataset $(DATA) --port $(PORT)

test: setup
	$(BIN)/python tests/run_all.py

test-long: setup
	$(BIN)/python tests/run_all.py long

serve: setup
	$(BIN)/lwal serve --port $(PORT)

docs: setup
	$(BIN)/python -m mkdocs build --strict

setup: $(VENV)/.installed

$(VENV)/.installed: requirements.txt requirements-dev.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r requirements-dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

image:
	docker build -t lwal-explorer .

up:
	docker compose up --build

image-test:
	deploy/image_test.sh

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build *.egg-info
