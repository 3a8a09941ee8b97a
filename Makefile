# The words of the project: `make` explains them. Each sets up what it needs.
SHELL := /bin/bash
DEV := .venv/bin
# The interpreter that the environments were made with, so that another shell does not remake them.
PYTHON ?= $(shell $(DEV)/python -c 'import sys; print(sys._base_executable)' 2>/dev/null || echo python3)
SAM := .local/envs/sam/bin/sam
# The tools import our package from where it is, as the tests do.
TOOL := PYTHONPATH=layers/cmp_relay $(DEV)/python -m
STACK := $(TOOL) tools.local_stack
SAM_LOCAL := $(TOOL) tools.sam_local

export SAM_CLI_TELEMETRY := 0
export AWS_EC2_METADATA_DISABLED := true

.DEFAULT_GOAL := help
.PHONY: help setup run up send down ledger chaos backfill simulate test test-long burst check fix invoke sam-local bench snapshot schemas requirements clean

help:  ## Explain the words
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup:  ## Set up the virtual environments (PYTHON=python3.13 for another interpreter)
	@$(PYTHON) tools/environments.py

run: setup  ## Build, deploy locally, send the sample deliveries through and show what arrived
	@$(TOOL) tools.scenario

up: setup  ## Leave the local stack running, described in .local/stack.env (CMP_URL=http://… RULES='-> all/')
	@$(STACK) up $(if $(CMP_URL),--cmp-url "$(CMP_URL)")

send: setup  ## Send the sample deliveries through the running stack and show what arrived
	@$(TOOL) tools.scenario --running

down:  ## End what `up` left running
	@if [ -x $(DEV)/python ]; then $(STACK) down; fi

ledger: setup  ## Show what became of every job that the running stack has received
	@$(TOOL) tools.ledger

chaos: setup  ## Let everything fail under a mixed load and judge the end, on a stack of its own (SEED=2)
	@$(TOOL) tools.chaos --seed $(or $(SEED),1)

backfill: setup  ## Bring a whole library, stopped half-way, and reckon what it costs (ASSETS=5000 LEVEL=list FILES=1)
	@$(TOOL) tools.backfill --assets $(or $(ASSETS),5000) --level $(or $(LEVEL),full) $(if $(FILES),--files)

simulate: setup  ## Simulate the API budget in a burst of assets, beside two plain workers, in virtual time
	@$(TOOL) tools.simulation

test: setup  ## Run all tests, on the local stack too, with coverage
	@$(DEV)/python -m pytest --cov

test-long: setup  ## Run the tests that take their time: hours without CMP, 429 and 5xx, any order
	@$(DEV)/python -m pytest -m long

burst: setup  ## Hold bursts on the local stack against what CMP allows (needs a quiet machine)
	@$(DEV)/python -m pytest -m burst

check: setup  ## Check style, types, imports and the template, changing nothing
	@$(DEV)/ruff format --check .
	@$(DEV)/ruff check .
	@$(DEV)/mypy
	@PYTHONPATH=layers/cmp_relay $(DEV)/lint-imports --no-logo
	@$(DEV)/cfn-lint template.yaml
	@$(SAM) validate --lint --region us-east-1

fix: setup  ## Format, and mend what can be mended without thought
	@$(DEV)/ruff check --fix .
	@$(DEV)/ruff format .

invoke: setup  ## Invoke a function of the running stack: FUNCTION=on_asset_published [EVENT=file] [DEBUG=1]
	@$(if $(DEBUG),$(SAM_LOCAL) emulate --debug,$(STACK) invoke) "$(FUNCTION)" $(if $(EVENT),--event "$(EVENT)")

sam-local: setup  ## Invoke every function with `sam local`, in Docker, and judge what it leaves behind
	@$(SAM_LOCAL)

bench: setup  ## Measure the functions' start and the receiver's work
	@$(DEV)/python -m tools.bench

snapshot: setup  ## Rewrite the processed template that the tests compare with
	@$(DEV)/python -m tests.template.snapshot

schemas: setup  ## Rewrite the schemas of events and commands in docs from the models
	@$(TOOL) tools.schemas

requirements:  ## Pin the newest versions of all dependencies (needs uv)
	@for each in layers/dependencies/requirements tools/requirements/{sam,ministack,dev,runtime,debug}; do \
	  uv pip compile --quiet --upgrade --generate-hashes --universal --python-version 3.11 \
	    --no-header --no-emit-index-url $$each.in -o $$each.txt; done

clean:  ## End every stack and remove everything that was made here
	@if [ -x $(DEV)/python ]; then $(STACK) down --all; $(SAM_LOCAL) down; fi
	@rm -rf .venv .local .aws-sam .coverage .hypothesis .import_linter_cache .*_cache
