# The words that people and CI use, and no others. `make` alone lists them.

VENV ?= .venv
BIN := $(VENV)/bin
ATTENTION_MOA ?= $(BIN)/attention-moa
CODE := $(wildcard src tests benchmarks examples scripts)

# Least branch coverage in per cent: of the engine and all below it (L0 to L6), and of everything.
COVERAGE_ENGINE := 100
COVERAGE_ALL := 95
empty :=
comma := ,
ENGINE := errors keys messages tokens answer_spec money strategies rules agents config sampled call_records records stored_runs events ports schedule stopping choosing final_answers replies wording sums sure_text writing tool_calls schema_cost json_check accounting backoff codec critical_path \
	fingerprint waiting pacing answer_stream choices run_log collected booking limiter budget hedging calls layer_run attention synthesis limits finishing ensemble \
	experience expected_path planned_call baseline_calls call_plan prompt_sizes call_costs plan plan_account not_made reading questions model_limits \
	plain_words words blocks alignment changes evidence attribution influence sources tracing usefulness
ENGINE_FILES := $(subst $(empty) $(empty),$(comma),$(ENGINE:%=*/attention_moa/%.py) */attention_moa/prompts/* */attention_moa/baselines/*)

# The question travels through the environment, so the shell never reads it; $(value …) keeps make from expanding what is
# in it, and `unexport` keeps make from expanding it for its own exports (a `$$(shell …)` in a question would be run).
SAMPLE := Why is the sky blue at noon and red at sunset?
unexport Q
MAKEOVERRIDES :=
# Two at once: half of the tests wait for children, sockets and browsers. What is in one file stays in one process.
PYTEST_ARGS ?= -n 2 --dist loadfile
export ATTENTION_MOA_QUESTION = $(if $(value Q),$(value Q),$(SAMPLE))

.PHONY: help install run test check bench docs lock clean
.DEFAULT_GOAL := help

help: ## this list
	@grep -E '^[a-z]+:.*## ' $(firstword $(MAKEFILE_LIST)) | sed -E 's/^([a-z]+):.*## /  make \1\t/'

# A Python from 3.11 on: the one that PYTHON names, or the first that works.
define with_python
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11 python3.14; do \
		if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
			exec $$python scripts/install.py $(VENV) $(1); \
		fi; \
	done; \
	echo "Python 3.11 or newer is needed: install it, or name it with make PYTHON=/path/to/python3" >&2; exit 1
endef

$(VENV)/.installed: requirements.lock pyproject.toml
	$(call with_python,requirements.lock)
	@touch $@

# The development lock holds the other one whole.
$(VENV)/.installed-dev: requirements-dev.lock requirements.lock pyproject.toml
	$(call with_python,requirements-dev.lock)
	@touch $(VENV)/.installed $@

install: $(VENV)/.installed ## the program and the embedded model, into .venv

# A program of one's own (ATTENTION_MOA=…) needs no installation.
run: $(if $(filter $(BIN)/%,$(ATTENTION_MOA)),$(VENV)/.installed) ## ask a question: make run Q='…'
	@$(ATTENTION_MOA) ask $(ARGS)
	@echo "Watch the agents in a browser: $(ATTENTION_MOA) serve, and open the address that it prints." >&2

test: check docs ## everything that tests the project
	@rm -f .coverage .coverage.*
	@$(BIN)/coverage run -m pytest $(PYTEST_ARGS)
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report
	@echo "Engine (L0 to L6), at least $(COVERAGE_ENGINE) %:"
	@$(BIN)/coverage report --include='$(ENGINE_FILES)' --fail-under=$(COVERAGE_ENGINE) --format=total
	@echo "All, at least $(COVERAGE_ALL) %:"
	@$(BIN)/coverage report --fail-under=$(COVERAGE_ALL) --format=total

check: $(VENV)/.installed-dev ## lint, format, types, layers
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/pyright
	$(BIN)/lint-imports

bench: $(VENV)/.installed-dev ## the benchmarks, one table each
	@for benchmark in $(wildcard benchmarks/[a-z]*.py); do \
		echo "== $$benchmark"; $(BIN)/python $$benchmark || exit 1; \
	done

docs: $(VENV)/.installed-dev ## the documentation, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs --quiet build --strict

# LOCK_ARGS=--upgrade takes the newest versions of everything.
LOCK := $(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-annotate --no-header $(LOCK_ARGS)

# All extras but inspect: Inspect AI brings a hundred packages, and is tested in an environment of its own.
EXTRAS := embedded anthropic bedrock cohere google groq huggingface mistral bench postgres server ui otel sim

lock: $(VENV)/.installed-dev ## pin what pyproject.toml asks for, with hashes
	$(LOCK) $(EXTRAS:%=--extra %) --group dev --output-file requirements-dev.lock
	$(LOCK) --extra embedded --extra server --extra ui --group build --constraint requirements-dev.lock --output-file requirements.lock

clean: ## remove what was built; the installation stays
	rm -rf site dist build htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find $(CODE) -name __pycache__ -prune -exec rm -rf {} +
