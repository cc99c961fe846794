# apilink: what can be done here. `make help` lists it.

SHELL = /bin/bash
.SHELLFLAGS = -eu -o pipefail -c
.DEFAULT_GOAL = help

BUILD = target/release
PREFIX = /usr/local
DESTDIR =
# A plain assignment, so that `make demo BROWSER=firefox` wins and the environment does not.
BROWSER = $(CURDIR)/$(BUILD)/clio-sandbox-browser
VENV = target/venv
PYTEST = APILINK_BUILD=$(CURDIR)/$(BUILD) $(VENV)/bin/pytest -q -p no:cacheprovider

.PHONY: help
help: ## Show this list
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## /\1|/' | column -t -s '|'

.PHONY: build
build: ## Build the library and the sandbox (release)
	cargo build --release --locked -p apilink -p clio-sandbox
	@# Programs look for the library under its soname.
	@ln -sfn libapilink.so $(BUILD)/libapilink.so.0.1

.PHONY: tool
tool: ## Build the command-line tool apilink (release)
	cargo build --release --locked -p apilink-cli

.PHONY: demo
demo: build ## Log in to a local Clio and print matters (BROWSER=firefox to answer by hand)
	@scripts/demo.sh "$(BUILD)" "$(BROWSER)"

.PHONY: test
test: test-tools lint test-rust test-e2e test-sanitizers test-fuzz ## Install what the tests need, and run every test

.PHONY: test-tools
test-tools: ## Install what the tests need
	@scripts/test-tools.sh "$(VENV)"

.PHONY: lint
lint: ## Formatting, lints, and generated files
	cargo fmt --all --check
	rustfmt --check --edition 2024 fuzz/fuzz_targets/*.rs
	cargo clippy --workspace --all-targets --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked --quiet

.PHONY: test-rust
test-rust: ## Unit, property and integration tests in Rust
	cargo nextest run --workspace --locked

.PHONY: test-e2e
test-e2e: build tool ## The library from outside: C, C++, Python, C#
	$(PYTEST) -n 2 tests/e2e

.PHONY: test-sanitizers
test-sanitizers: build ## C programs under AddressSanitizer, ThreadSanitizer and valgrind
	@scripts/sanitizers.sh

.PHONY: test-fuzz
test-fuzz: ## A short run of every fuzz target (SECONDS_EACH=10)
	@scripts/fuzz.sh "$(or $(SECONDS_EACH),10)"

.PHONY: header
header: ## Regenerate include/apilink.h from src/
	UPDATE_HEADER=1 cargo test -q -p apilink --test abi header

.PHONY: docs
docs: ## Regenerate docs/connection-string.md
	cargo run -q -p apilink-core --example connection-string-docs > docs/connection-string.md

.PHONY: bench
bench: build ## Benchmarks, side by side with libcurl and Python
	@scripts/test-tools.sh "$(VENV)"
	@$(VENV)/bin/python benches/run.py --build "$(BUILD)"
	cargo build --release --locked -p apilink-cli -p apilink-sql --example prepare
	@$(VENV)/bin/python benches/sql.py --build "$(BUILD)"

.PHONY: install
install: ## Install the library and its headers (PREFIX, DESTDIR)
	@[ -e "$(BUILD)/libapilink.so" ] || $(MAKE) build
	@DESTDIR="$(DESTDIR)" packaging/install.sh "$(PREFIX)" "$(BUILD)"

.PHONY: install-tool
install-tool: ## Install the command-line tool as PREFIX/bin/apilink (PREFIX, DESTDIR)
	@[ -e "$(BUILD)/apilink" ] || $(MAKE) tool
	@install -d "$(DESTDIR)$(PREFIX)/bin"
	@install -m 755 "$(BUILD)/apilink" "$(DESTDIR)$(PREFIX)/bin/apilink"
	@echo "Installed $(DESTDIR)$(PREFIX)/bin/apilink"

.PHONY: uninstall
uninstall: ## Remove what install and install-tool installed (PREFIX, DESTDIR)
	@DESTDIR="$(DESTDIR)" packaging/uninstall.sh "$(PREFIX)"

.PHONY: clean
clean: ## Remove everything that was built
	cargo clean
