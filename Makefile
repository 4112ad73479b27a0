# make demo    set everything up, index this repository, complete at a few real cursors
# make test    set everything up, run the whole test suite
# make bench [REPO=path] [ARGS=--baselines]    speed of indexing, retrieval and search, beside others on the same chunks
# make bench-index [TREE=path] [ARGS="--jedi repo --ctags go=repo"]    figures of the index, beside semble and others
# make pictures    the pictures of the README, from the real application
# make lint    format, style, types, import contracts
# make demo REPO=path AT=file:line[:col]    the same anywhere

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.setup-done

.PHONY: help setup demo test lint format bench bench-index pictures clean

help:
	@sed -n 's/^# //p' Makefile

setup: $(STAMP)

$(STAMP): pyproject.toml constraints.txt tools/setup.sh
	@PYTHON="$(PYTHON)" VENV="$(VENV)" bash tools/setup.sh
	@touch $@

demo: setup
	@$(BIN)/python tools/demo.py $(if $(REPO),--repo "$(REPO)") $(if $(AT),--at "$(AT)")

test: setup
	@$(BIN)/python -m pytest -n auto

lint: setup
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

format: setup
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: setup
	@$(BIN)/python -m eval.bench.search $(or $(REPO),.) $(ARGS)

bench-index: setup
	@$(BIN)/python -m eval.bench.index $(if $(TREE),"$(TREE)") $(ARGS)

pictures: setup
	@$(BIN)/python tools/pictures.py docs/pictures

clean:
	rm -rf $(VENV) build dist
