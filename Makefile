# Everything a user or a maintainer runs. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CARGO ?= cargo
# One set of features for every build: naming single packages would build dependencies again.
WORKSPACE := --locked --workspace

.PHONY: help demo test lint build check charts-test whatsapp-test cluster-test cluster-up cluster-down cluster-status clone-demo bench generate fmt

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

demo: ## Run the main job on an embedded bucket; needs nothing but a Rust toolchain
	$(CARGO) run --quiet --locked --package titan-sidecar -- demo

test: lint charts-test check whatsapp-test clone-demo cluster-test ## Install or build what the tests need, then run everything

lint: ## Formatting, lints, dependencies and licences, generated files
	$(CARGO) fmt --all --check
	tests/servers/cargo-deny.sh
	python3 charts/readme.py --check
	$(CARGO) clippy $(WORKSPACE) --all-targets --test cluster -- -D warnings

build: ## Build the program and every test, and install the peers they need
	tests/servers/all.sh
	$(CARGO) build $(WORKSPACE)
	$(CARGO) test $(WORKSPACE) --no-run

check: build ## Every test: units, real S3 servers, real Baileys and whatsmeow, faults, kills
	TITAN_SIDECAR="$$($(CARGO) metadata --format-version 1 --no-deps | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')/debug/titan-sidecar" \
		$(CARGO) test $(WORKSPACE)

charts-test: ## Both charts without a cluster: lint, golden renders, refusals, drift, health in Argo CD
	tests/charts/test.sh

whatsapp-test: ## The linked device alone, a workspace of its own (whatsapp/): format, lints, tests against a relay
	CARGO_TARGET_DIR="$${XDG_CACHE_HOME:-$$HOME/.cache}/titan-media/whatsapp" whatsapp/test.sh

cluster-test: ## The tests on a real Kubernetes alone, about 15 minutes (or set KUBECONFIG to a cluster of your own)
	tests/cluster/test.sh

cluster-up: ## Start a real single-node Kubernetes in namespaces of its own
	tests/cluster/up.sh

cluster-down: ## Stop it
	tests/cluster/down.sh

cluster-status: ## Say whether it is up, and what runs in it
	tests/cluster/status.sh

clone-demo: ## `make demo` from a clean clone that shares the target folder
	tests/clone-demo.sh

bench: ## Measure the budgets; prints the rows of the README's table
	tests/bench.sh

generate: ## Write crds/yaml and the chart's templates from the Rust types, and the charts' READMEs
	$(CARGO) run --quiet --locked --package titan-crds --bin crdgen -- crds/yaml charts/titan-media-crds
	python3 charts/readme.py

fmt: ## Format
	$(CARGO) fmt --all
