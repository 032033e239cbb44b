# Gantry. `make demo` shows the whole way; `make test` is everything that must hold; `make soak` the long runs; `make
# peers` installs the programs the tests talk to.

.PHONY: demo test soak peers engine fmt lint unit doc notes

# Builds, sends a phantom through a whole system on this machine, and compares what comes out with the truth.
demo: engine
	cargo build --release --quiet -p gantry
	target/release/gantry demo --once

test: peers-in-ci
	rm -f target/test-notes.txt
	$(MAKE) --no-print-directory fmt lint unit doc notes

# As root under CI=true the peers are installed; elsewhere a missing peer is a test skipped by name.
.PHONY: peers-in-ci
peers-in-ci:
	@if [ "$$CI" = true ] && [ "$$(id -u)" -eq 0 ]; then sh tools/peers.sh; fi

peers:
	sh tools/peers.sh

# Long runs, for nights and releases.
soak: engine
	mkdir -p target
	cargo test --workspace --quiet -- --ignored

fmt:
	cargo fmt --all --check

lint:
	cargo clippy --workspace --all-targets --quiet -- -D warnings

# The library that networks run on, beside the programs in target/.
engine:
	sh tools/onnxruntime.sh

unit: engine
	mkdir -p target
	cargo build --quiet -p gantry
	cargo test --workspace --quiet

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

# Prints what the tests have noted: figures, skips, tests without corpus. Under CI=true a skip is a failure.
notes:
	@sh tools/judge-notes.sh target/test-notes.txt
