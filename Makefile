# Everything runs in .venv, which the first target that needs it makes from pinned, hashed requirements.
# make PYTHON=python3.12 makes it with another Python, and anew if it was made with a different one.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/.ready
PYTEST := $(BIN)/python -m pytest
# Each worker and each process that a test starts would compile every module again.
export PYTHONDONTWRITEBYTECODE :=
# A worker imports and starts everything for itself; one more than there are cores, as some wait for a process.
WORKERS ?= $(shell echo $$(( 1 + $$(getconf _NPROCESSORS_ONLN) )))
SOAK_SECONDS ?= 600
DEMO := build/demo
LATEST := build/latest
TESTS ?= tests

.PHONY: audit package demo test test-unit test-latest check lint bench soak matrix conformance pictures requirements clean FORCE

## Stand the pipeline up on the local cloud, click, and show the enriched click.
demo: $(READY)
	@mkdir -p $(DEMO)
	@cd $(DEMO) && $(CURDIR)/$(BIN)/python -m mysfits_stream.demo

## Run the tests.
test: $(READY)
	$(PYTEST) -n $(WORKERS) --dist worksteal

## Run the tests that start no processes.
test-unit: $(READY)
	$(PYTEST) -n $(WORKERS) -m "not slow and not browser"

## Run the tests with the newest versions that pyproject.toml allows, in build/latest: make test-latest TESTS=tests/aws
test-latest:
	$(PYTHON) -m venv --clear $(LATEST)
	$(LATEST)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,local]'
	$(LATEST)/bin/python -m pytest -n $(WORKERS) --dist worksteal $(TESTS)

## What CI runs: lint, format, types, tests.
check: lint test

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/python -m tests.support.pro_forms
	$(BIN)/python -m tests.support.first_lines

## Look for known vulnerabilities: pinned packages, and the lowest versions that the function may be packed with.
audit: $(READY)
	$(BIN)/pip-audit --strict --disable-pip --require-hashes -r requirements/dev.txt
	@mkdir -p build
	sed -n 's/^\([A-Za-z0-9_.-]*\)>=\([0-9.]*\)$$/\1==\2/p' mysfits_stream/lambda_src/requirements.txt > build/floors.txt
	$(BIN)/pip-audit --strict --disable-pip --no-deps -r build/floors.txt

## Build sdist and wheel in dist/, and check their metadata as a package index does.
package: $(READY)
	rm -rf dist
	$(BIN)/python -m build --no-isolation --outdir dist .
	$(BIN)/twine check --strict dist/*

## Measure, beside baselines, and write benchmarks/RESULTS.md.
bench: $(READY)
	$(BIN)/python -m benchmarks

## Send clicks at full rate for ten minutes while things go wrong: make soak SOAK_SECONDS=600
soak: $(READY)
	$(BIN)/python -m benchmarks.soak --seconds $(SOAK_SECONDS) --write docs/reliability.md

## Kill and fail every single AWS call of up and down, one at a time.
matrix: $(READY)
	$(PYTEST) -n $(WORKERS) tests/matrix tests/upgrade tests/commands/test_foreign_responses.py --all-cases

## Hold an emulator against recorded answers of AWS: make conformance ENDPOINT=http://127.0.0.1:4566
conformance: $(READY)
	$(PYTEST) -n $(WORKERS) tests/conformance $(if $(ENDPOINT),--endpoint $(ENDPOINT)) $(OPTIONS)

## Draw the pictures of the README anew.
pictures: $(READY)
	$(BIN)/python -m docs.generate.pictures

## Pin what development and CI install.
requirements: $(READY)
	$(BIN)/pip-compile --quiet --upgrade --generate-hashes --strip-extras --allow-unsafe \
		--no-emit-index-url --no-emit-trusted-host --no-emit-find-links --no-emit-options --no-header --no-annotate \
		--extra dev --extra local --output-file requirements/dev.txt pyproject.toml

clean:
	rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(READY): requirements/dev.txt pyproject.toml .venv/.python
	$(BIN)/python requirements/install.py
	@touch $@

# The version and the place of the Python of .venv; newer than .ready only if .venv has to be filled anew.
.venv/.python: FORCE
	@works=no; $(BIN)/python -c "" 2>/dev/null && works=yes; \
	if [ $$works = yes ] && [ "$(origin PYTHON)" = file ]; then \
		[ -e $@ ] || touch -t 200001010000 $@; exit 0; \
	fi; \
	found=$$($(PYTHON) -c 'import sys; print("%d.%d.%d %s" % (sys.version_info[:3] + (sys.base_prefix,)))' 2>/dev/null); \
	case "$$found" in \
		3.1[1-9].*|3.[2-9][0-9].*) ;; \
		"") echo "$(PYTHON): not found, or not a Python 3; install Python 3.11 or newer, then: make PYTHON=python3.12" >&2; \
			exit 1 ;; \
		*) echo "$(PYTHON) is Python $${found%% *}, and 3.11 or newer is needed; install one, then: make PYTHON=python3.12" >&2; \
			exit 1 ;; \
	esac; \
	if [ $$works = yes ] && [ "$$found" = "$$(cat $@ 2>/dev/null)" ]; then exit 0; fi; \
	rm -rf .venv && $(PYTHON) -m venv .venv && echo "$$found" > $@
