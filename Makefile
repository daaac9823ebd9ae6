# Needs python3 >= 3.11, nothing else. Everything installed goes to .venv, everything run to .lamppost.

help:
	@echo "make up      run the whole system here (options: make up ARGS='--port 9000')"
	@echo "make check   lint, format, types, layers"
	@echo "make test    every test, in parallel"
	@echo "make faults  kills, cuts and storms at length, with a fresh seed (again: FAULT_SEED=n make faults)"
	@echo "make gates   every judge of the AWS templates over every stage, and the report they leave"
	@echo "make accept  deploy every stack on an AWS that others wrote, and drive it (three times: ARGS='--runs 3')"
	@echo "make bench   every benchmark, each beside its peers"
	@echo "make docs    write docs/reference from the code"
	@echo "make aws     install what AWS takes: CDK and its Node (then: .venv/bin/lamppost synth --stage dev)"
	@echo "make lock    compile requirements/*.txt from pyproject.toml (needs uv)"

up:
	@scripts/install run
	@.venv/bin/lamppost up $(ARGS) || [ $$? -eq 130 ] # Ctrl-C is how it is meant to end

check:
	@scripts/install test
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy src services tests/typing
	.venv/bin/lint-imports

test:
	@scripts/install test
	@scripts/chromium
	.venv/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

faults:
	@scripts/install test
	.venv/bin/python -m pytest --long -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

gates:
	@scripts/install test
	.venv/bin/python -m tests.cloud.gates

accept:
	@scripts/install test
	@scripts/install_cdk
	.venv/bin/python -m benchmarks.acceptance $(ARGS)

bench:
	@scripts/install test
	@set -e; for script in benchmarks/*.py; do echo "== $$script"; .venv/bin/python -m "benchmarks.$$(basename "$$script" .py)"; done

docs:
	@scripts/install test
	.venv/bin/python scripts/reference.py
	.venv/bin/python scripts/lint_reference.py

aws:
	@scripts/install aws
	@scripts/install_cdk

lock:
	@scripts/lock

.PHONY: help up check test faults gates accept bench docs aws lock
