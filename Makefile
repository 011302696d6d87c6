# The one door. Every target makes the environment it needs; `make help` lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check
REPO   ?= .
Q      ?= How are chunks spread over files in the ranking?
BENCH  ?= ../shared/bench
CLONES ?= ../clones
READER ?= dist/reader
MINUTES ?= 100
BASE   ?= models
REASONS_SEEN ?= requests gin werkzeug puma tornado rack caddy
REASONS_HELD ?= flask click black ripgrep scrapy hyper okhttp
DESCRIPTION := $(VENV)/openapi/node_modules/@octokit/openapi/generated/api.github.com.json

.DEFAULT_GOAL := help
.PHONY: help ask test test-slow test-model test-editors fuzz test-training test-trackers extension e2e lint typecheck bench bench-retrieval bench-ablation bench-neighbours bench-abstention bench-adaptation bench-redaction bench-why bench-reasons bench-history bench-extension reader bench-reader bench-learning train-demo build constraints clean

help:  ## List the targets
	@awk -F ':.*##' '/^[a-z-]+:.*##/ {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo '  make ask Q="..." REPO=/path   asks another question of another repository; with MODEL=reader a model answers'

ask: $(VENV)/.installed $(if $(MODEL),$(VENV)/.llama)  ## Index this repository and answer a question about it
	@$(BIN)/whence index --repo "$$REPOSITORY"
	@$(if $(filter reader,$(MODEL)),$(BIN)/whence models pull reader --from models)
	@printf '\nQ: %s\n\n' "$$QUESTION"
	@$(BIN)/whence ask --repo "$$REPOSITORY" $(if $(MODEL),--model "$(MODEL)") -- "$$QUESTION"
# As typed: neither make nor the shell may read backquotes and dollar signs in a question about code.
ask: export QUESTION := $(value Q)
ask: export REPOSITORY := $(value REPO)

test: $(VENV)/.dev  ## Run the tests
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not slow and not editors"

test-slow: $(VENV)/.dev  ## Run the tests that tear at the index: killed writers, a thousand edits, a full disk
	$(BIN)/python -m pytest -m slow

test-model: $(VENV)/.model  ## Test models at work in their own process (compiles llama.cpp, some minutes)
	$(BIN)/python -m pytest -m model

test-editors: $(VENV)/.dev  ## Drive the language server from Neovim and Emacs, where they are installed
	$(BIN)/python -m pytest -m editors -rs

fuzz: $(VENV)/.dev  ## Send the language server 10,000 malformed messages
	WHENCE_FUZZ=10000 $(BIN)/python -m pytest tests/lsp/test_edges.py -k malformed

test-training: $(VENV)/.reader  ## Run the recipes and the learning loop in miniature, the flows and killed runs (installs torch, Prefect, llama.cpp)
	$(BIN)/python -m pytest tests/training

test-trackers: $(VENV)/.dev $(DESCRIPTION)  ## Check the GitHub of the tests against GitHub's OpenAPI description (from npm)
	GITHUB_DESCRIPTION="$(DESCRIPTION)" $(BIN)/python -m pytest tests/contracts/test_github_description.py

extension: node_modules/.installed $(VENV)/.dev  ## Build, check, test and package the VS Code extension (wants node 20 and npm)
	npm run --workspace extension build
	npm run --workspace extension lint
	npm run --workspace extension typecheck
	npm run --workspace extension test
	npm run --workspace extension package

e2e: extension  ## Drive the extension in the real editor, in chromium (once some 700 MB and minutes; wants chromium)
	bash tests/e2e/prepare.sh $(VENV)/e2e
	npm run e2e

bench-extension: e2e  ## Measure the extension in the real editor: three runs more, the best of each (wants a quiet machine)
	for run in 1 2 3; do WHENCE_E2E_RUN=$(VENV)/e2e/bench-$$run npm run e2e -- floor journey || exit 1; done
	$(BIN)/python -m tests.benchmarks.extension $(VENV)/e2e/bench-[123]/journey/took.json --floor $(VENV)/e2e/bench-[123]/floor/took.json --write docs/benchmarks.md

lint: $(VENV)/.dev  ## Check style, formatting and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

typecheck: $(VENV)/.dev  ## Check types, strictly
	$(BIN)/mypy

bench: $(VENV)/.dev  ## Measure speed and size as ratios within one run (CLONES=folder of clones for larger ones)
	$(BIN)/python -m tests.benchmarks.editor
	$(BIN)/python -m tests.benchmarks.speed $(if $(wildcard $(CLONES)),--clones "$(CLONES)")
	$(BIN)/python -m tests.benchmarks.generation

bench-retrieval: $(VENV)/.dev  ## Measure retrieval on the public sets in BENCH over the clones in CLONES
	$(BIN)/python -m tests.benchmarks.retrieval --data "$(BENCH)" $(if $(OTHER_MODEL),--other-model "$(OTHER_MODEL)") --clones "$(CLONES)" --write docs/benchmarks.md

bench-ablation: $(VENV)/.dev  ## Measure what each feature of the ranking is worth, over the same clones
	$(BIN)/python -m tests.benchmarks.ablation --data "$(BENCH)" --clones "$(CLONES)" --write docs/benchmarks.md

bench-neighbours: $(VENV)/.dev  ## Measure ways to find near vectors, over the work trees in CLONES
	$(BIN)/python -m tests.benchmarks.neighbours --clones "$(CLONES)" --write docs/benchmarks.md

bench-abstention: $(VENV)/.dev  ## Measure when answers abstain, over the same clones (MODEL=file.gguf: those of a model, too)
	$(BIN)/python -m tests.benchmarks.abstention --data "$(BENCH)" --clones "$(CLONES)" --fit $(if $(MODEL),--model "$(MODEL)") --write docs/benchmarks.md

bench-adaptation: $(VENV)/.dev  ## Measure what adapting to a repository brings, over the same clones
	$(BIN)/python -m tests.benchmarks.adaptation --data "$(BENCH)" --clones "$(CLONES)" --write docs/benchmarks.md

bench-redaction: $(VENV)/.dev  ## Measure what redaction takes out wrongly, and its cost, over the same clones
	$(BIN)/python -m tests.benchmarks.redaction --clones "$(CLONES)" --write docs/benchmarks.md

bench-history: $(VENV)/.dev  ## Measure how changelog entries find their commits, and how fast a history is indexed, over clones in CLONES
	$(BIN)/python -m tests.benchmarks.history --changelogs "$(CLONES)/flask" "$(CLONES)/click" "$(CLONES)/requests" --large "$(CLONES)/scrapy" --write docs/benchmarks.md

bench-why: $(VENV)/.dev  ## Measure whether why names the right commits, and how fast, over the clones in CLONES
	$(BIN)/python -m tests.benchmarks.why --clones "$(CLONES)" --write docs/benchmarks.md

bench-reasons: $(VENV)/.dev  ## Measure whether questions of why find the commit that says it, over clones in CLONES
	$(BIN)/python -m tests.benchmarks.reasons --clones "$(CLONES)" --seen $(REASONS_SEEN) --held $(REASONS_HELD) --write docs/benchmarks.md

reader: $(VENV)/.reader  ## Train the bundled reader on the clones in CLONES for MINUTES, and write it as GGUF into READER
	$(BIN)/python -m whence_training.reader collect --projects "$(CLONES)" --out "$(READER)/records"
	$(BIN)/python -m whence_training.reader train --records "$(READER)/records" --out "$(READER)/run" --minutes $(MINUTES)
	$(BIN)/python -m whence_training.reader export --run "$(READER)/run" --records "$(READER)/records" --out "$(READER)"

bench-reader: $(VENV)/.reader  ## Ask the reader in READER and the composer of quotations about projects neither has learned from
	$(BIN)/python -m tests.benchmarks.reader --records "$(READER)/records" --model "$(READER)/reader-F16.gguf" --curve "$(READER)/run/curve.csv" --write docs/benchmarks.md

bench-learning: $(VENV)/.reader  ## Measure the whole learning loop on the bundled base, which may take five minutes at most
	$(BIN)/python -m tests.benchmarks.learning --write docs/benchmarks.md

train-demo: $(VENV)/.reader  ## Learn from REPO on the bundled base, gate, register and deploy, in minutes (FLAGS=--anyway shows a refused model)
	$(BIN)/python -m whence_training.demo --repo "$(REPO)" --base "$(BASE)" $(FLAGS)

build: $(VENV)/.dev  ## Build the wheel and the source archive into dist/
	$(BIN)/python -m build

constraints:  ## Refresh constraints.txt: the exact versions that every target installs
	rm -rf $(VENV)-constraints && $(PYTHON) -m venv $(VENV)-constraints
	$(VENV)-constraints/bin/python -m pip install torch==2.13.0 -e ".[dev,trackers,mcp,training,embedders,model]"
	$(VENV)-constraints/bin/python -m pip freeze --exclude-editable | sed 's/+cpu$$//' > constraints.txt
	rm -rf $(VENV)-constraints

clean:  ## Remove the environment and everything built
	rm -rf $(VENV) node_modules extension/dist extension/server dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.installed: pyproject.toml constraints.txt
	@command -v git >/dev/null || { echo "Whence needs git on PATH"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Whence needs Python 3.11 or newer"; exit 1; }
	@echo "Creating $(VENV) and installing Whence into it (about a minute, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --constraint constraints.txt --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	@echo "Installing what the tests and checks need"
	@$(PIP) install --constraint constraints.txt --editable ".[dev,trackers,mcp,data]"
	@touch $@

node_modules/.installed: package.json extension/package.json package-lock.json
	@echo "Installing what the extension is built with"
	@npm ci --silent --no-audit --no-fund --ignore-scripts
	@touch $@

$(DESCRIPTION): $(VENV)/.installed
	@echo "Fetching GitHub's OpenAPI description, some 400 MB unpacked"
	@npm install --silent --no-audit --no-fund --ignore-scripts --prefix $(VENV)/openapi @octokit/openapi@23
	@touch $@

$(VENV)/.llama: $(VENV)/.installed
	@echo "Installing the model extra: llama-cpp-python, which is compiled (some minutes, once)"
	@$(PIP) install --constraint constraints.txt --editable ".[model]"
	@touch $@

$(VENV)/.model: $(VENV)/.dev $(VENV)/.llama
	@touch $@

$(VENV)/.reader: $(VENV)/.training $(VENV)/.model
	@touch $@

$(VENV)/.training: $(VENV)/.dev
	@echo "Installing the training extra: torch, sentence-transformers, peft and Prefect, some 900 MB"
	@$(PIP) install --constraint constraints.txt torch==2.13.0 --editable ".[dev,training]"
	@touch $@
