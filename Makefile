# The commands of the house. `make run` and `make test` are all that a newcomer needs; the rest is for those who build here.

# Which Python makes .venv; left out: python3, or the first python3.N on the path that is new enough.
export PYTHON
IMAGE ?= mediaserver

.DEFAULT_GOAL := help
.PHONY: help setup console run test proofs check lint format test-tools lock container clean

help: ## Say what there is to say
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-12s %s\n", $$1, $$2 }'

setup: ## Make .venv from the locked requirements (done by the others when needed)
	@scripts/setup.sh

console: ## Build the supervisor's page (needs Node; "run" does it where Node is)
	@scripts/console.sh

run: setup ## Start the server with three demo calls that talk, and a live board
	@scripts/console.sh --if-possible
	@.venv/bin/mediaserver demo

test: setup ## Run the tests (under five minutes)
	@.venv/bin/python -m pytest --processes 6 --ignore tests/proofs

proofs: setup ## Run the longer proofs: benches, kills, the image's steps
	@.venv/bin/python -m pytest --processes 2 tests/proofs

lint: setup ## Judge the code without running it: ruff, mypy, import-linter
	@scripts/lint.sh

check: lint test proofs ## The one check command: lint, tests and proofs

format: setup ## Bring the code into the one layout
	@.venv/bin/ruff check --fix-only --select I . && .venv/bin/ruff format .

test-tools: ## Install the phones, the proxy, the browser and the database that some tests need (Debian and Ubuntu)
	@scripts/test-tools.sh

lock: setup ## Write requirements/*.txt anew from pyproject.toml
	@scripts/lock.sh

container: ## Build the container image
	docker build --tag $(IMAGE) .

clean: ## Throw away what was built
	rm -rf .venv build dist artifacts control_api/static console/node_modules .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
