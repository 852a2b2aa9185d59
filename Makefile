# `make run` starts the dashboard, `make test` and `make check` are what CI runs.
# PORT, ADDRESS, MEDCORE_HOME and the other settings of medcore/settings.py are taken from the environment.

PYTHON ?= python3
TORCH_INDEX ?=
VENV := .venv
PY := $(VENV)/bin/python
PIP := $(PY) -m pip --disable-pip-version-check
TORCH := $(shell grep -o '^torch==[^ ]*' requirements.txt)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run demo install install-dev test check bench pictures texts clean torch

help:
	@echo "make run      the dashboard and a worker, on http://127.0.0.1:8501 unless PORT says otherwise"
	@echo "make demo     the same with five cases for a demonstration, in a data folder of its own"
	@echo "make test     all tests, those in a browser included (ARGS='-k ecg' picks some)"
	@echo "make check    lint, format, types, arrows between the rooms, Dockerfile"
	@echo "make bench    benchmarks"
	@echo "make pictures  every page in both themes, languages and widths, into build/pictures; the README's into docs"
	@echo "make texts    brings the lists of texts in medcore/locale up to date, for translators"
	@echo "make install  only sets up .venv"
	@echo "make clean    removes .venv and caches; never the data"

# exec: the launcher itself gets the signals that make passes on.
run: install
	@exec $(PY) -m app

# A data folder of its own, so that a demonstration shows its five cases and nothing else.
demo: export MEDCORE_DEMO := 1
demo: export MEDCORE_HOME := $(or $(MEDCORE_HOME),$(HOME)/.medcore-demo)
demo: run

test: install-dev
	$(PY) -m pytest -n 2 --dist loadfile $(ARGS)

check: install-dev
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-cache
	$(VENV)/bin/hadolint Dockerfile

bench: install-dev
	$(PY) -m tests.benchmarks $(ARGS)

pictures: install-dev
	$(PY) -m tests.pictures $(ARGS)
	$(PY) -m tests.pictures --docs

texts: install-dev
	$(PY) -m tests.texts

install: $(VENV)/installed
	@:

install-dev: install $(VENV)/installed-dev
	@:

# The stamps are why a second start installs nothing.
$(VENV)/installed: requirements.txt pyproject.toml | $(PY) torch
	@echo "Installing what the dashboard needs: a few minutes and about 2 GB, this once."
	$(PIP) install --progress-bar off -r requirements.txt
	$(PIP) install --no-deps -e .
	@touch $@

$(VENV)/installed-dev: requirements-dev.txt | $(VENV)/installed
	$(PIP) install --progress-bar off -r requirements-dev.txt
	@touch $@

$(PY):
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed. Name one: make $(MAKECMDGOALS) PYTHON=python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "Python's venv is missing. On Debian and Ubuntu: apt-get install python3-venv"; exit 1; }

# torch, and only torch, comes from TORCH_INDEX when that is set; another index later replaces it.
# An extra index would leave the choice between the builds to pip's ordering of their labels.
torch: | $(PY)
ifneq ($(TORCH_INDEX),)
	@[ "$$(cat $(VENV)/torch 2>/dev/null)" = "$(TORCH) $(TORCH_INDEX)" ] || { \
	  $(PIP) install --progress-bar off --force-reinstall --no-deps --index-url "$(TORCH_INDEX)" $(TORCH) && \
	  $(PIP) install --progress-bar off $(TORCH) && \
	  echo "$(TORCH) $(TORCH_INDEX)" > $(VENV)/torch; }
endif

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
