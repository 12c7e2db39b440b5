# One verb per target; `make help` lists them. Everything runs in .venv, which `setup` makes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
DIR ?= sample_data

export DBT_SEND_ANONYMOUS_USAGE_STATS := false
export PATH := $(abspath $(BIN)):$(PATH)

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the verbs
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(STAMP) ## Install the pinned dependencies into .venv

$(STAMP): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed; name it with make PYTHON=/path/to/python3"; exit 2; }
	@$(PYTHON) -m venv --clear $(VENV) \
		|| { echo "This Python cannot make virtual environments; install its venv package."; exit 2; }
	@echo "Installing the pinned dependencies into $(VENV) ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $(STAMP)

.PHONY: demo
demo: setup ## Build the sample data and show the first scores
	@python scripts/validate.py --quiet
	@dbt build --quiet --exclude-resource-type unit_test
	@python scripts/show_health.py

.PHONY: build
build: setup ## Build everything from $HEALTH_RAW_DIR (default sample_data)
	@python scripts/validate.py --quiet
	@dbt build

.PHONY: refresh
refresh: setup ## Land, build, audit and publish, or keep what is published: make refresh [ARGS="--dry-run"]
	@python scripts/refresh.py $(ARGS)

.PHONY: validate
validate: setup ## Check the scoring seeds before building: make validate [SEEDS=folder]
	@python scripts/validate.py $(if $(SEEDS),"$(SEEDS)")

.PHONY: show
show: setup ## Show what was built last
	@python scripts/show_health.py

.PHONY: check-input
check-input: setup ## Judge a folder of raw inputs before building: make check-input DIR=...
	@python scripts/check_input.py "$(DIR)"

.PHONY: sample-data
sample-data: setup ## Generate sample_data again
	@python scripts/generate_sample_data.py

.PHONY: test
test: setup ## Build with every dbt test and run the Python tests
	@dbt build --quiet
	@pytest -q -n 2 --dist loadfile

.PHONY: test-faults
test-faults: setup ## Break a refresh in the ways that nights know: make test-faults [FAULT=kill] [EVERY=2]
	@python tests/faults.py $(FAULT) --every $(or $(EVERY),1)

.PHONY: test-readers
test-readers: setup ## Read what is published while 20 refreshes publish
	@python tests/readers.py

# The adapters of the other engines, beside the rest.
ENGINES := .venv-engines

$(ENGINES)/installed: requirements.txt requirements-postgres.txt requirements-spark.txt
	@$(PYTHON) -m venv --clear $(ENGINES)
	@echo "Installing the adapters of the other engines into $(ENGINES) ..."
	@for file in $^; do \
		$(ENGINES)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
			-r $$file || exit 1; \
	done
	@touch $@

.PHONY: test-engines
test-engines: $(ENGINES)/installed ## Compare every value with other engines: make test-engines [ENGINE=spark] [DATA=sample]
	@$(ENGINES)/bin/python tests/engines.py $(ENGINE) --data $(or $(DATA),all)

.PHONY: mutations
mutations: setup ## Break each scoring rule once and see a named test fail
	@python tests/mutations.py

.PHONY: recompute
recompute: setup ## Compare every number of the last build with plain Python
	@python tests/recompute.py --raw "$${HEALTH_RAW_DIR:-sample_data}" \
		--warehouse "$${HEALTH_WAREHOUSE:-warehouse/customer_health.duckdb}"

.PHONY: recompute-all
recompute-all: recompute ## The same on the example data sets, every date, under a harder configuration
	@RECOMPUTE_DATES=all pytest -q -s tests/python/test_examples.py -k recomputation

.PHONY: law
law: setup ## Try random sequences of loads and runs: the marts equal a full rebuild [SEQUENCES=200]
	@python tests/law.py --sequences $(or $(SEQUENCES),200)
	@RECOMPUTE_DATES=all pytest -q -s tests/python/test_daily_runs.py

.PHONY: measure
measure: setup ## Time and memory of a build from $HEALTH_RAW_DIR, split by stage
	@python scripts/measure_build.py

.PHONY: benchmark
benchmark: setup ## Measure builds on generated data: make benchmark [SIZE="--events 20000000 ..."]
	@python scripts/benchmark.py $(SIZE)

.PHONY: lint
lint: setup ## Check the SQL, the YAML and the Python
	@ruff check .
	@ruff format --check .
	@python scripts/validate.py
	@dbt parse --quiet
	@dbt-bouncer run --config-file dbt-bouncer.yml
	@sqlfluff lint --processes 2 models tests

.PHONY: lock
lock: LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-strip-extras --custom-compile-command "make lock"
lock: ## Pin the dependencies of pyproject.toml again (needs uv)
	$(LOCK) --extra dev --upgrade -o requirements.txt
	$(LOCK) --extra postgres -c requirements.txt -o requirements-postgres.txt
	$(LOCK) --extra spark -c requirements.txt -o requirements-spark.txt

.PHONY: clean
clean: ## Remove what can be built again; not .venv, not what was published
	rm -rf target logs warehouse build
