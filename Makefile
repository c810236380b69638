# Everything a user or a maintainer runs. `make help` lists it.
SHELL := /bin/bash
.DEFAULT_GOAL := help
CARGO ?= cargo

.PHONY: help demo test generate lint unit blackbox bench fmt

help: ## Show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: ## Run the main job on an embedded bucket; needs nothing but a Rust toolchain
	$(CARGO) run --quiet --locked -p titan-sidecar -- demo

test: lint unit blackbox ## Install or build what the tests need, then run everything

lint: ## Formatting, lints, dependencies and licences, generated files
	$(CARGO) fmt --all --check
	tests/servers/cargo-deny.sh
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	@$(MAKE) --no-print-directory generate
	git diff --exit-code -- crds/yaml

unit: ## Unit and property tests of all crates, and the bucket's tests against real S3 servers
	tests/servers/s3.sh
	$(CARGO) test --locked --workspace --exclude titan-tests

blackbox: ## The real program against real S3 servers, real Baileys and whatsmeow, and faults
	tests/servers/all.sh
	$(CARGO) build --locked -p titan-sidecar
	$(CARGO) test --locked -p titan-tests

bench: ## Measure the budgets; prints the rows of the README's table
	tests/bench.sh

generate: ## Write crds/yaml from the Rust types
	$(CARGO) run --quiet --locked -p titan-crds --bin crdgen -- crds/yaml

fmt: ## Format
	$(CARGO) fmt --all
