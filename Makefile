# The same commands for people, hooks and CI. `make` alone lists them.
# Needs only make and Python 3.11 or later with venv: make setup PYTHON=python3.12

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := tracker eventlog ingest warehouse attribution reporting installation operations integrations program schemas \
	runtime control clew tools
KILLS ?= 200
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
PYTEST := $(BIN)/python -m pytest -p no:cacheprovider
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Tests start many processes. Where the environment forbids to keep bytecode, each would compile all of Clew again.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint types imports format bench load soak soak-servers docs lock texts clean

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

PAGES := control/ui/static/ui/manifest.json
PAGE_SOURCES := tools/assets.py $(shell find control -type f -not -path 'control/ui/static/*' -not -path '*/__pycache__/*' \
	-not -path 'control/locale/*')
CATALOGUES := control/locale/ar/LC_MESSAGES/django.mo

setup: $(VENV)/.installed $(PAGES) $(CATALOGUES) ## Make .venv with everything locked and the pages' files; a second run costs nothing

# Two stamps: what is locked, and Clew itself (one path entry, see pyproject.toml).
$(VENV)/.locked: requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Clew needs Python 3.11 or later: make setup PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

$(VENV)/.installed: $(VENV)/.locked pyproject.toml requirements.in
	$(PIP) install --no-deps --no-build-isolation --no-index --editable .
	@touch $@

# The pages' files, from the locked packages of npm, by the Node of a Python package. Classes and icons that no template
# or Python file of control/ names are left out, hence these prerequisites.
$(PAGES): $(VENV)/.installed $(PAGE_SOURCES)
	@$(BIN)/python -m tools.assets

# One call compiles all catalogues of translations that have changed.
$(CATALOGUES): $(VENV)/.installed tools/catalogues.py $(wildcard control/locale/*/LC_MESSAGES/*.po)
	@$(BIN)/python -m tools.catalogues compile

texts: setup ## Take new texts of templates and code into the catalogues in control/locale
	$(BIN)/python -m tools.catalogues update

demo: setup ## Serve a made-up program with its console, send it traffic, print reports, picture the console (KEEP=1: goes on)
	$(BIN)/clew demo $(if $(KEEP),--keep,--pictures build/demo)

# Two runs at once, so that they end at about the same time. One is spread over the processors file by file. The other
# does in turn what must not be spread. First the kernels as plain Python, where a wrong index raises instead of reading
# past the end; NUMBA_DISABLE_JIT holds for a whole process, and exit 5 means that there is no kernel test. Then
# attribution, because two processes would compile the same kernels at once. Then tests on servers, which mostly wait and
# share one Kafka and one ClickHouse. The output of the first run is shown at the end.
KERNELS := tests/attribution

test: setup ## Run all tests; the last lines are pytest's own summary
ifdef ARGS
	$(BIN)/python -m pytest $(ARGS)
else
	@mkdir -p build; \
	$(PYTEST) -m "not server" --ignore $(KERNELS) -n $(JOBS) --dist loadfile --no-loadscope-reorder --durations=10 \
		> build/tests.log 2>&1 & rest=$$!; \
	NUMBA_DISABLE_JIT=1 $(PYTEST) $(KERNELS) -q -m kernel; plain=$$?; test $$plain -ne 5 || plain=0; \
	$(PYTEST) $(KERNELS) -m "not server" --durations=10; compiled=$$?; \
	$(PYTEST) -m server --durations=10; servers=$$?; \
	wait $$rest; rest=$$?; cat build/tests.log; \
	test $$plain -eq 0 -a $$compiled -eq 0 -a $$servers -eq 0 -a $$rest -eq 0
endif

check: lint types imports ## Lint, format, types (mypy --strict) and import direction

lint: setup ## Part of check: ruff's rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup ## Part of check: mypy --strict
	$(BIN)/mypy $(patsubst %/__init__.py,%,$(wildcard $(PACKAGES:=/__init__.py)))

imports: setup ## Part of check: who may import whom
	$(BIN)/lint-imports

format: setup ## Put code into ruff's format and apply its safe fixes
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## Measure each hop, beside its peer
	$(BIN)/python -m benchmarks $(ARGS)

load: setup ## Load a server with a mixed profile (locust) and audit it; ARGS="rate --rate 1000" for a constant rate, ARGS=console for the console
	$(BIN)/python -m loadtests $(ARGS)

soak: setup ## Kill and restart under traffic, KILLS=200 times, then audit
	$(BIN)/python -m tests.soak --kills $(KILLS)

soak-servers: KILLS = 300
soak-servers: setup ## The same on Kafka and ClickHouse: KILLS=300 faults of every kind at random, then audit
	$(BIN)/python -m tests.soak.servers --kills $(KILLS)

docs: setup ## Write the generated references and the generated part of the Python client anew
	$(BIN)/python -m tools.reference_docs
	$(BIN)/python -m tools.client_code

# The lock names no index: each machine uses the one that its pip is set up for. uv stands apart from the locked tools.
UV := $(VENV)/lock/bin/uv
COMPILE := $(UV) pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" $(if $(UPGRADE),--upgrade)

$(UV):
	$(PYTHON) -m venv $(VENV)/lock
	$(VENV)/lock/bin/python -m pip --disable-pip-version-check --quiet install uv

lock: $(UV) ## Write requirements*.txt anew from requirements*.in (UPGRADE=1: newest versions)
	$(COMPILE) requirements.in --output-file requirements.txt
	$(COMPILE) requirements-dev.in --output-file requirements-dev.txt

clean: ## Remove .venv, caches and builds
	rm -rf $(VENV) build dist control/ui/static/ui control/locale/*/LC_MESSAGES/*.mo *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find $(wildcard $(PACKAGES)) tests benchmarks loadtests -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
