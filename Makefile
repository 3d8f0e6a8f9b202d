# `make demo` and `make test` need Rust, a C compiler, Python 3 and make; everything else is set up here.
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3
# What demo, tests and packaging need lives together, group by group as it is wanted; the pins of the other two exclude it (pyproject.toml).
VENV := .local/venv
INFRA_VENV := .local/venv-infra
CHECKOV_VENV := .local/venv-checkov
UV := .local/uv/bin/uv
CARGO_DENY := .local/cargo-deny/bin/cargo-deny
CARGO_CYCLONEDX := .local/cargo-cyclonedx/bin/cargo-cyclonedx

# From project.toml; the templates without mileage-account.yaml, which sam does not validate.
TEMPLATES := $(filter %/template.yaml,$(shell sed -n 's/^[a-z0-9-]* = "\(infra\/.*\)"$$/\1/p' project.toml))
FUNCTIONS := $(shell sed -n 's/^\[functions\.\(.*\)\]$$/\1/p' project.toml)
STAGE ?= dev
# How long a soak lasts.
MINUTES ?= 30
# Node and npm, a wheel too.
NODE := PATH="$(abspath $(VENV))/bin:$$PATH"
# Where Go is, also where its installer left it out of the PATH.
GO_PATH := $(PATH):/usr/local/go/bin
GO := $(shell PATH="$(GO_PATH)" command -v go || true)
# What the portal's page is built from; src/data is made by the build.
PORTAL_SOURCES := $(shell find portal/src portal/public portal/scripts -type f -not -path 'portal/src/data/*') \
	$(wildcard portal/*.json portal/*.html portal/*.ts) shared/iata-airports/data/airports.csv \
	control-plane/server/src/assets/styles/tokens.css
# Acts of one life: the first that fails is the last.
REHEARSE := $(INFRA_VENV)/bin/python -B -m pytest -q -x -p no:cacheprovider infra/rehearsal
# How long a linter took.
TIMED := TIMEFORMAT='%Rs'; time

.PHONY: demo
demo: build portal $(if $(filter clickhouse,$(STORE)),$(VENV)/clickhouse.ready) ## Build everything, start both accounts locally, book a dozen flights, show their traces (ONCE=1: check and exit; NOISY=1: one more tenant asks for ten times its quota; OPEN=1: no sign-in; STORE=clickhouse)
	exec target/debug/local demo $(if $(ONCE),--once) $(if $(NOISY),--noisy) $(if $(OPEN),--open) $(if $(STORE),--store '$(STORE)')

.PHONY: test
test: build portal $(VENV)/web.ready $(VENV)/clickhouse.ready $(VENV)/athena.ready $(INFRA_VENV)/infra.ready ## Units, end to end on the local cloud, soak, pages in a browser, SQL, a rehearsed deployment
	RUSTDOC=$(CURDIR)/tests/rustdoc cargo test --locked --workspace --no-fail-fast
	target/debug/soak --minutes 1
	$(NODE) npm test --prefix portal --silent
	$(VENV)/bin/pytest -q tests/web
	$(VENV)/bin/pytest -q tests/clickhouse
	$(VENV)/bin/pytest -q tests/athena
	$(REHEARSE)/test_0_aws_refuses.py infra/rehearsal/test_1_a_stage_is_deployed.py

.PHONY: pictures
pictures: build portal $(VENV)/web.ready ## Take the pictures that README and docs show anew, of a demo and of the portal
	$(VENV)/bin/python tests/web/screenshots.py
	$(VENV)/bin/python -B docs/images/architecture.py

.PHONY: test-long
test-long: build portal $(VENV)/clickhouse.ready $(INFRA_VENV)/infra.ready infra/iam/node_modules/.package-lock.json ## What a change need not wait for: every fault at every call, the demo on ClickHouse, a soak, the rest of a stage's life, packages, a new service
	cargo test --locked --workspace --test nothing_is_lost -- --ignored
	target/debug/local demo --once --store clickhouse
	# A fault in each SQL file, and two million spans of a thousand tenants.
	cargo test --locked --workspace --test both_engines_answer_alike -- --ignored --test-threads 1 --nocapture
	# A million tokens that nobody verified.
	cargo test --locked --workspace --test tenants_are_judged_from_spans -- --ignored
	MINUTES=10 cargo test --locked --workspace --test memory_stays_flat -- --ignored --nocapture
	target/debug/soak --minutes 10
	$(REHEARSE)/test_2_a_stage_goes_on.py infra/rehearsal/test_3_old_faults_stop_it.py
	$(INFRA_VENV)/bin/python -B -m pytest -q tests/packages
	$(INFRA_VENV)/bin/python -B -m pytest -q tests/new_service

.PHONY: rehearse
rehearse: build portal $(INFRA_VENV)/infra.ready ## A stage's whole life: infra/deploy.py against three accounts of a stricter emulator (infra/rehearsal)
	$(REHEARSE)/test_1_a_stage_is_deployed.py infra/rehearsal/test_2_a_stage_goes_on.py

.PHONY: test-collector
ifeq ($(GO),)
test-collector:
	@echo "skipped: building a collector needs Go (https://go.dev/dl), and there is none"
else
test-collector: $(VENV)/collector.ready target/collector/adot/collector target/collector/community/collector ## The collectors' configurations in collectors built like the layers, with a booking's spans; needs Go
	$(VENV)/bin/pytest -q tests/collector
endif

.PHONY: test-jaeger
ifeq ($(GO),)
test-jaeger:
	@echo "skipped: Jaeger's own code needs Go (https://go.dev/dl), and there is none"
else
test-jaeger: build $(VENV)/web.ready ## Jaeger's own code, and its own page in the folder JAEGER_UI, read a control plane; needs Go
	PATH="$(GO_PATH)" $(VENV)/bin/pytest -q tests/jaeger
endif

.PHONY: soak
soak: build ## Bookings under faults at random for MINUTES on a local cloud, then reconciled; memory must stay flat
	target/debug/soak --minutes $(MINUTES)

.PHONY: reliability
reliability: build ## Faults at every call, and what came of them: the table of tests/soak/README.md
	cargo test --locked --package end-to-end --test nothing_is_lost
	$(PYTHON) -B bench/figures.py faults

# What runs locally: functions, control plane, local cloud.
.PHONY: build
build: $(VENV)/local.ready
	cargo build --locked --workspace --bins

# The users' page in portal/dist, with what a visitor downloads.
.PHONY: portal
portal: portal/dist/index.html

.PHONY: package
package: $(VENV)/package.ready sbom ## Build the functions for arm64 as AWS gets them, report their sizes, list what is in them
	rustup target add aarch64-unknown-linux-gnu
	PATH="$(abspath $(VENV))/bin:$$PATH" cargo lambda build --locked --release --arm64 --output-format binary \
		$(addprefix --bin ,$(FUNCTIONS))
	for function in $(FUNCTIONS); do \
		rm -f "target/lambda/$$function/bootstrap.zip"; \
		printf '%-20s %9d bytes zipped\n' "$$function" "$$(gzip -9c "target/lambda/$$function/bootstrap" | wc -c)"; \
	done

# What each function is made of: target/sbom/<function>.cdx.json (CycloneDX).
# Beside the packages, not in them: what is in target/lambda/ is deployed.
.PHONY: sbom
sbom: $(CARGO_CYCLONEDX)
	mkdir -p target/sbom
	$(CARGO_CYCLONEDX) cyclonedx --quiet --format json --spec-version 1.5 --describe binaries --no-build-deps \
		--target aarch64-unknown-linux-gnu
	for function in $(FUNCTIONS); do \
		find . -name "$${function}_bin.cdx.json" -not -path './target/*' -exec mv {} "target/sbom/$$function.cdx.json" \; ; \
		printf '%-20s %4d components\n' "$$function" "$$(grep -c '"bom-ref"' "target/sbom/$$function.cdx.json")"; \
	done
	find . -name '*.cdx.json' -not -path './target/*' -delete

.PHONY: bench
bench: ## What telemetry costs and what the control plane holds, measured; a table, and target/bench/report.json
	cargo build --locked --release --package booking --bin booking-api
	cargo build --locked --release --package control-plane-cli
	cargo build --locked --release --package bench
	cargo bench --locked --package bench --bench micro --bench access -- --noplot --quiet
	target/release/bench

.PHONY: figures
figures: build portal ## Take what was just measured (RUNS="functions quota …"; demo, without it) into README and docs: bench/README.md
	$(PYTHON) -B bench/figures.py $(or $(RUNS),demo)

.PHONY: lint
lint: $(VENV)/lint.ready $(CARGO_DENY) portal/node_modules/.package-lock.json lint-infra ## Formatting, clippy, documentation, types, licences, templates, scripts
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets -- -D warnings
	# `make bench` builds it by itself, with fewer features than the workspace has.
	cargo check --locked --package bench --all-targets
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --no-deps
	$(CARGO_DENY) --locked check licenses bans sources
	if $(CARGO_DENY) fetch db 2>/dev/null; then $(CARGO_DENY) --locked check --disable-fetch advisories; \
		else echo "advisories: not checked, the database is out of reach"; fi
	$(VENV)/bin/shellcheck .ci/run
	$(NODE) npm run check --prefix portal --silent

# Templates, collectors, workflows and policies; each linter with its time.
.PHONY: lint-infra
lint-infra: $(VENV)/local.ready $(INFRA_VENV)/infra.ready $(CHECKOV_VENV)/checkov.ready infra/iam/node_modules/.package-lock.json lint-cdk
	# Filter expressions are judged by its parser.
	cargo build --locked --workspace --bin control-plane
	$(TIMED) $(INFRA_VENV)/bin/cfn-lint $(TEMPLATES) infra/observability/mileage-account.yaml
	for template in $(TEMPLATES); do \
		$(TIMED) SAM_CLI_TELEMETRY=0 $(INFRA_VENV)/bin/sam validate --lint --region us-east-1 --template $$template; done
	$(TIMED) $(CHECKOV_VENV)/bin/checkov --config-file infra/checks/checkov.yaml
	$(TIMED) $(NODE) $(INFRA_VENV)/bin/python -m pytest -q -p no:cacheprovider infra/checks
	$(TIMED) $(NODE) $(INFRA_VENV)/bin/python -m pytest -q -p no:cacheprovider infra/iam

.PHONY: lint-cdk
lint-cdk: infra/cdk/node_modules/.package-lock.json
	# A synthesis needs some code; what was packaged is not for a linter to wait for.
	for function in $(FUNCTIONS); do mkdir -p .local/cdk-code/$$function && echo stub > .local/cdk-code/$$function/bootstrap; done
	cd infra/cdk && $(TIMED) $(NODE) node_modules/.bin/cdk synth --quiet -c artifacts=$(abspath .local/cdk-code) -c nag=true
	# As it is once accounts are linked and the first run's outputs are known; infra/checks compares the two.
	cd infra/cdk && $(TIMED) $(NODE) node_modules/.bin/cdk synth --quiet -c artifacts=$(abspath .local/cdk-code) --output cdk.out/linked \
		-c linked=true -c organization=o-abcdefghij -c MileageApiUrl=https://mileage.example.com \
		-c ControlPlaneIntakeUrl=https://control-plane.example.com 2>/dev/null

.PHONY: deploy
deploy: portal $(INFRA_VENV)/infra.ready ## Deploy what was packaged into the accounts of STAGE, then try it as a user (docs/deploy.md); PLAN=1 only shows the plan
	$(INFRA_VENV)/bin/python infra/deploy.py deploy $(STAGE)

.PHONY: smoke
smoke: $(INFRA_VENV)/infra.ready ## Try STAGE as a user: sign in, quote, book, miles, suspension, one trace id, CORS
	$(INFRA_VENV)/bin/python infra/deploy.py smoke $(STAGE)

.PHONY: destroy
destroy: $(INFRA_VENV)/infra.ready ## Take the stacks of STAGE away, not their tables, buckets and users (YES=1)
	$(INFRA_VENV)/bin/python infra/deploy.py destroy $(STAGE)

.PHONY: purge
purge: $(INFRA_VENV)/infra.ready ## List what a destroyed STAGE has left, with sizes; delete it for good (YES=1 PURGE=<stage>)
	$(INFRA_VENV)/bin/python infra/deploy.py purge $(STAGE)

.PHONY: outputs
outputs: $(INFRA_VENV)/infra.ready ## What the stacks of STAGE say: URLs, ids, ARNs
	$(INFRA_VENV)/bin/python infra/deploy.py outputs $(STAGE)

.PHONY: new-service
new-service: ## Add a service of your own beside booking: make new-service NAME=offers (docs/fork.md)
	@$(PYTHON) -B infra/new_service "$(NAME)"

.PHONY: fuzz
fuzz: ## Ten minutes on each parser of what others send; needs a nightly compiler and cargo-fuzz
	for target in shared/trace_headers shared/envelopes shared/tokens control-plane/traces control-plane/metrics control-plane/logs; do \
		(cd "$$(dirname $$target)/fuzz" && cargo +nightly fuzz run "$$(basename $$target)" -- -max_total_time=600 -max_len=8192); \
	done

.PHONY: clean
clean: ## Remove what the other targets made
	rm -rf target .local tests/web/senders/node_modules infra/cdk/node_modules infra/cdk/cdk.out infra/iam/node_modules portal/node_modules portal/dist portal/src/data

# Two commands first, then what a person calls; a target that is a step of others has no line.
.PHONY: help
help:
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# The newest release: older ones do not know every licence of the tree.
$(CARGO_DENY):
	@echo "building cargo-deny: a few minutes, once"
	cargo install --quiet --debug --locked --root .local/cargo-deny --no-default-features cargo-deny@0.20.2

target/collector/community/collector: $(wildcard tests/collector/community/decouple/*)
# Everything is pinned by the go.sum beside the builder's manifest, the builder itself too; a module that is not in it is refused.
target/collector/%/collector: tests/collector/%/builder.yaml tests/collector/%/go.mod tests/collector/%/go.sum
	@echo "building the collector of the $* layer: a few minutes, once"
	@rm -rf $(@D)
	@mkdir -p $(dir $(@D))
	@cp -r tests/collector/$* $(@D)
	@cd $(@D) && export PATH="$(GO_PATH)" GOFLAGS=-mod=readonly GOWORK=off CGO_ENABLED=0 && \
		{ go tool builder --config builder.yaml --skip-get-modules --skip-compilation 2>builder.log || { cat builder.log; exit 1; }; } && \
		rm -f generated/go.mod && \
		go build -trimpath -ldflags '-s -w' -o collector ./generated

$(CARGO_CYCLONEDX):
	@echo "building cargo-cyclonedx: a few minutes, once"
	cargo install --quiet --debug --locked --root .local/cargo-cyclonedx cargo-cyclonedx@0.5.9

# Python tools, pinned and hashed in uv.lock, by the Python that is here; a group is synced again when the lock changes.
%.ready: uv.lock pyproject.toml $(UV)
	@echo "setting up $(notdir $*) in $(@D) from $<"
	# What another tool made there, or an interrupt left half-made, is made anew.
	grep -qs '^uv = ' $(@D)/pyvenv.cfg || rm -rf $(@D)
	# The system's certificates where there are some: behind a company's proxy no others will do.
	UV_PROJECT_ENVIRONMENT=$(@D) UV_PYTHON=$(PYTHON) UV_PYTHON_DOWNLOADS=never \
		UV_HTTP_TIMEOUT=180 UV_SYSTEM_CERTS=$(if $(wildcard /etc/ssl/cert*),true,false) \
		$(UV) sync --quiet --locked --inexact --only-group $(notdir $*)
	touch $@

$(UV): requirements/uv.txt
	rm -rf .local/uv
	$(PYTHON) -m venv .local/uv
	.local/uv/bin/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r $<
	touch $@

infra/cdk/node_modules/.package-lock.json: infra/cdk/package-lock.json $(VENV)/node.ready
	$(NODE) npm ci --prefix infra/cdk --ignore-scripts --no-fund --no-audit --silent
	touch $@

infra/iam/node_modules/.package-lock.json: infra/iam/package-lock.json $(VENV)/node.ready
	$(NODE) npm ci --prefix infra/iam --ignore-scripts --no-fund --no-audit --silent
	touch $@

portal/node_modules/.package-lock.json: portal/package-lock.json $(VENV)/node.ready
	@echo "setting up the portal's packages from $<"
	$(NODE) npm ci --prefix portal --ignore-scripts --no-fund --no-audit --silent
	touch $@

portal/dist/index.html: portal/node_modules/.package-lock.json $(PORTAL_SOURCES)
	@echo "building the portal"
	$(NODE) npm run build --prefix portal --silent
	touch $@
