# One verb per target; `make help` lists them. Everything runs in .venv, which `setup` makes.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed
DIR ?= sample_data

comma := ,

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
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		--no-index -e .
	@touch $(STAMP)

.PHONY: demo
demo: setup ## Build the sample data and show the first scores
	@customer-health build --quiet
	@customer-health show

.PHONY: build
build: setup ## Build everything from $HEALTH_RAW_DIR (default sample_data)
	@customer-health build

.PHONY: refresh
refresh: setup ## Land, build, audit and publish, or keep what is published: make refresh [ARGS="--dry-run"]
	@customer-health refresh $(ARGS)

.PHONY: key
key: setup ## Write a key for the pseudonyms of users to pseudonym.key, never over another one
	@customer-health make-key

.PHONY: validate
validate: setup ## Check the scoring seeds before building: make validate [SEEDS=folder]
	@customer-health validate $(if $(SEEDS),"$(SEEDS)")

.PHONY: show
show: setup ## Show what was built last
	@customer-health show

.PHONY: check-input
check-input: setup ## Judge a folder of raw inputs before building: make check-input DIR=...
	@customer-health check "$(DIR)"

.PHONY: sample-data
sample-data: setup ## Generate sample_data again
	@python tools/generate_sample_data.py

# What differs from the last commit; all of it takes sqlfluff minutes, and `make lint` does that.
CHANGED_SQL = $(shell { git diff --name-only --relative --diff-filter=d HEAD; \
	git ls-files --others --exclude-standard; } | grep -E '^(models|data_tests)/.*[.]sql$$' | sort -u)

.PHONY: check
check: lint-fast ## The fast loop: linters, SQL that is not committed yet, tests without a warehouse, scoring rules
	@$(if $(CHANGED_SQL),sqlfluff lint $(CHANGED_SQL))
	@pytest -q -n 2 --dist loadfile tests/unit
	@$(MAKE) --no-print-directory test-rules

# In a file and folders of its own: your tables and what dbt knows of them stay as they are.
RULES := HEALTH_RAW_DIR=sample_data HEALTH_WAREHOUSE=build/rules.duckdb DBT_TARGET_PATH=build/target DBT_LOG_PATH=build/logs

.PHONY: test-rules
test-rules: setup ## Run the unit tests of the scoring rules on tables without rows: make test-rules [RULE=metric_scores]
	@$(RULES) dbt build --quiet --empty --exclude-resource-type unit_test test
	@$(RULES) dbt test --quiet --select $(addsuffix $(comma),$(RULE))test_type:unit
	@echo "The unit tests of the scoring rules pass."

.PHONY: prove-all
prove-all: law test-laboratory test-faults test-engines mutations ## Everything that proves a release: hours

.PHONY: test
test: setup ## Build with every dbt test and run the Python tests
	@dbt build --quiet
	@pytest -q -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: test-laboratory
test-laboratory: setup ## Test the benchmark: builds of generated data, measured and compared
	@pytest -q -m laboratory

.PHONY: test-faults
test-faults: setup ## Break a refresh in the ways that nights know: make test-faults [FAULT=kill] [EVERY=2]
	@python tests/faults/faults.py $(FAULT) --every $(or $(EVERY),1)

.PHONY: test-silent
test-silent: setup ## Send data that are wrong without a word, night by night: which audit sees it [FAULT=cents]
	@python tests/faults/silent.py $(FAULT)

.PHONY: test-healthy-year
test-healthy-year: setup ## Refresh a year of healthy nights: how often does an audit cry wolf? [NIGHTS=365]
	@python tests/faults/healthy_year.py --nights $(or $(NIGHTS),365)

.PHONY: test-readers
test-readers: setup ## Read what is published while 20 refreshes publish
	@python tests/faults/readers.py

# The adapters of the other engines, beside the rest.
ENGINES := .venv-engines

$(ENGINES)/installed: requirements.txt requirements-postgres.txt requirements-spark.txt
	@$(PYTHON) -m venv --clear $(ENGINES)
	@echo "Installing the adapters of the other engines into $(ENGINES) ..."
	@for file in $^; do \
		$(ENGINES)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
			-r $$file || exit 1; \
	done
	@$(ENGINES)/bin/python -m pip install --quiet --disable-pip-version-check --no-deps \
		--no-build-isolation --no-index -e .
	@touch $@

.PHONY: test-engines
test-engines: $(ENGINES)/installed ## Compare every value with other engines: make test-engines [ENGINE=spark] [DATA=sample]
	@$(ENGINES)/bin/python tools/engines.py $(ENGINE) --data $(or $(DATA),all)

.PHONY: mutations
mutations: setup ## Break each scoring rule once and see a named test fail
	@python tools/mutations.py

.PHONY: recompute
recompute: setup ## Compare every number of the last build with plain Python
	@PYTHONPATH=tests/oracle python -m recompute --raw "$${HEALTH_RAW_DIR:-sample_data}" \
		--warehouse "$${HEALTH_WAREHOUSE:-warehouse/customer_health.duckdb}" \
		--dates "$${RECOMPUTE_DATES:-all}"

.PHONY: recompute-all
recompute-all: recompute ## The same on the example data sets, every date, under a harder configuration
	@RECOMPUTE_DATES=all pytest -q -s tests/integration/test_examples.py -k recomputation

.PHONY: law
law: setup ## Try random sequences of loads and runs: the marts equal a full rebuild [SEQUENCES=200]
	@python tests/oracle/law.py --sequences $(or $(SEQUENCES),200)
	@RECOMPUTE_DATES=all pytest -q -s tests/integration/test_daily_runs.py

.PHONY: measure
measure: setup ## Time and memory of a build from $HEALTH_RAW_DIR, split by stage
	@python tools/measure_build.py

.PHONY: benchmark
benchmark: setup ## Measure builds on generated data: make benchmark [SIZE="--events 20000000 ..."]
	@python tools/benchmark.py $(SIZE)

# What no test runs as a whole: names and arguments that are there, no more.
LABORATORY := --no-warn-unused-ignores $(addprefix --disable-error-code=,arg-type assignment call-overload index list-item misc \
	operator return-value union-attr var-annotated) \
	$(wildcard tests/faults/*.py tests/oracle/*.py tests/support/*.py tools/*.py)

.PHONY: lint
lint: lint-fast ## Check the SQL, the YAML and the Python
	@sqlfluff lint --processes 2 models data_tests

.PHONY: lint-fast
lint-fast: setup
	@ruff check .
	@ruff format --check .
	@mypy
	@mypy $(LABORATORY)
	@customer-health validate
	@dbt parse --quiet
	@dbt-bouncer run --config-file dbt-bouncer.yml

.PHONY: lock
lock: LOCK := uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes \
	--no-annotate --no-strip-extras --custom-compile-command "make lock"
lock: ## Pin the dependencies of pyproject.toml again (needs uv)
	$(LOCK) --extra dev --upgrade -o requirements.txt
	$(LOCK) --extra postgres -c requirements.txt -o requirements-postgres.txt
	$(LOCK) --extra spark -c requirements.txt -o requirements-spark.txt

.PHONY: clean
clean: ## Remove what can be built again; not .venv, not what was published
	rm -rf target logs build warehouse/spark
	rm -rf warehouse/*.duckdb.tmp
	rm -f warehouse/*.duckdb warehouse/*.duckdb.wal warehouse/*.duckdb.wal.checkpoint
	@rmdir warehouse 2>/dev/null || true
