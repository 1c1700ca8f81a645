# Foretell on one machine. `make` prints what there is.
# PYTHON is only what makes .venv; everything runs from there.
PYTHON ?= python3
PY := .venv/bin/python
LOCAL := $(PY) -m deploy.local

export FORETELL_HOME ?= $(CURDIR)/var
export BROKER BROKER_URL BROKERS PORTS SIMULATOR YES

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev run stop status reset state-hash import smoke kafka test test-faults check-deploy check-dashboards drill-restore drill-rotation drill-upgrade drill-full-disk check-crm backtest eval-leads eval-prices calibrate priors simulate-assumptions bench-deals bench-leads bench-prices bench-plans bench-latency bench-history bench-projection bench-locks bench-restart soak test-kafka check docs

help: ## What can be done
	@echo "Foretell: from CRM changes to a revenue forecast. Python 3.11 and make are all it needs."
	@echo
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo "  State is kept in $(FORETELL_HOME) (FORETELL_HOME=<folder>)."

setup:
	@$(PYTHON) deploy/local/bootstrap.py requirements.lock

setup-dev:
	@$(PYTHON) deploy/local/bootstrap.py requirements-dev.lock

run: setup ## Set up and run all of it (BROKER=kafka, BROKER_URL=host:port, SIMULATOR=off, PORTS=auto or gateway=9090,...)
	@$(LOCAL) up

stop: setup ## Stop what make run started
	@$(LOCAL) stop

status: setup ## What runs, where, since when
	@$(LOCAL) status

reset: setup ## Stop, then delete all state (asks; YES=1 does not)
	@$(LOCAL) reset

state-hash: setup ## A fingerprint per component of the running system, equal in two that were told the same
	@$(LOCAL) state-hash

import: setup ## Import a pipeline: FILE=<csv[.gz] or folder> MAPPING=<yaml> [DRY_RUN=1]
	@$(LOCAL) import "$(FILE)" "$(MAPPING)" $(if $(DRY_RUN),--dry-run)

smoke: setup ## Start a fresh system, send it one change per CRM, see each move the forecast, stop
	@$(LOCAL) smoke

kafka: setup ## Run Apache Kafka (BROKERS=3 for a cluster); needs Java 17 and Maven
	@$(LOCAL) kafka

test: setup-dev ## Unit and integration tests
	@$(PY) -m deploy.local.check unit integration

test-faults: setup-dev ## Crash points and FAULTS=300 more, drawn by SEED=1, under traffic; the books compared after each (BROKER=kafka, ROUNDS=3, ONLY=<kinds>, PART=2/3)
	@$(PY) -m tests.faults --faults $(or $(FAULTS),300) --rounds $(or $(ROUNDS),3) --seed $(or $(SEED),1) --broker $(or $(BROKER),embedded) --only "$(ONLY)" --part $(or $(PART),1/1)

check-deploy: setup-dev ## Whether the manifests of deploy/k8s are valid, hardened and as the code says
	@$(PY) -m deploy.local.check deploy

check-dashboards: setup ## Whether every panel and rule has data in a running system, and faults make their alerts fire (needs Prometheus)
	@$(LOCAL) check-dashboards

drill-restore: setup ## Follow docs/runbooks/restore.md in a system of its own and compare what it knows before and after
	@$(LOCAL) drill-restore

drill-rotation: setup-dev ## Follow docs/runbooks/rotation.md in a system of its own, with changes flowing
	@$(PY) -m pytest -q -n0 tests/drills/test_rotation.py

drill-upgrade: setup-dev ## Follow docs/runbooks/upgrade.md under traffic: from the release FROM=<anything git knows> to this one, back, and here again
	@$(PY) -m tests.drills.upgrading --from $(or $(FROM),HEAD~1)

drill-full-disk: setup-dev ## Follow docs/runbooks/full-disk.md under traffic on a small file system of its own (needs root; BROKER=kafka)
	@$(PY) -m tests.drills.filling --broker $(or $(BROKER),embedded)

check-crm: setup ## Send a fresh system 100,000 deliveries, some twice, late, unusable or forged; compare (DELIVERIES=100000)
	@$(LOCAL) check-crm --deliveries $(or $(DELIVERIES),100000)

backtest: setup ## How right the projection would have been on past days (FILE=<csv[.gz] or folder> MAPPING=<yaml>, else public data)
	@$(LOCAL) backtest --file "$(FILE)" --mapping "$(MAPPING)"

eval-leads: setup ## How right the conversion model is on later leads (FILE=<csv[.gz]> MAPPING=<yaml>, else public data)
	@$(LOCAL) eval-leads --file "$(FILE)" --mapping "$(MAPPING)"

eval-prices: setup ## How right the win curve is where prices were designed, and that it refuses discounts that sellers chose
	@$(LOCAL) eval-prices

calibrate: setup-dev ## How often bands and promises come true in simulated companies (QUARTERS=400 per world, WORLDS=<names>, SEED=0 of the first)
	@$(PY) -m tests.calibration worlds --quarters $(or $(QUARTERS),400) --only "$(WORLDS)" --first-seed $(or $(SEED),0)

priors: setup-dev ## What the settings of the projection believe beforehand, learnt anew from simulated companies of many kinds
	@$(PY) -m tests.calibration priors

simulate-assumptions: setup-dev ## How often assumptions of plans are called broken where nothing changes, and how soon where the win rate falls (WORLDS=400 SEED=0)
	@$(PY) -m tests.calibration assumptions --companies $(or $(WORLDS),400) --seed $(or $(SEED),0)

bench-deals: setup ## How long one deal and a page of a filtered list take to read (DEALS=1000000)
	@$(LOCAL) bench-deals --deals $(or $(DEALS),1000000)

bench-leads: setup ## How long scoring all waiting leads takes, and reading one (LEADS=1000000)
	@$(LOCAL) bench-leads --leads $(or $(LEADS),1000000)

bench-prices: setup ## How long publishing the bands of all won quotes takes, and checking prices against them (QUOTES=100000)
	@$(LOCAL) bench-prices --quotes $(or $(QUOTES),100000)

bench-plans: setup ## How long the attainment of the parts of a large plan takes over twelve months (NODES=10000, DEALS=100000)
	@$(LOCAL) bench-plans --nodes $(or $(NODES),10000) --deals $(or $(DEALS),100000)

bench-latency: setup ## How long a change takes from the webhook to the forecast (RATE=50 a second, SECONDS=60)
	@$(LOCAL) latency --rate $(or $(RATE),50) --seconds $(or $(SECONDS),60)

bench-history: setup ## How long readings of the present, the past and movement take (DEALS=1000000)
	@$(LOCAL) history --deals $(or $(DEALS),1000000)

bench-projection: setup ## How long projecting all open deals over twelve months takes, and moving one (DEALS=1000000)
	@$(LOCAL) bench-projection --deals $(or $(DEALS),1000000)

bench-locks: setup ## How long freezing the projections of a lock takes, cold and with what was kept (DEALS=60000)
	@$(LOCAL) bench-locks --deals $(or $(DEALS),60000)

bench-restart: setup ## How long after kill -9 of everything until the pages are ready again
	@$(LOCAL) restart

soak: setup ## Whether memory, handles or lag climb under a fixed rate of changes (MINUTES=30 RATE=10)
	@$(LOCAL) soak --minutes $(or $(MINUTES),30) --rate $(or $(RATE),10)

test-kafka: setup-dev ## Integration, fault and smoke tests on Apache Kafka
	@$(PY) -m deploy.local.check kafka-integration kafka-faults kafka-smoke

check: setup-dev ## What CI runs
	@$(PY) -m deploy.local.check

docs: setup-dev ## Write docs/events, docs/api and docs/settings.md anew from the code
	@$(PY) -m deploy.documents
