# `just` lists these. CI runs `just ci`.

# Everything CI runs
ci:
    bash .ci/run

# Scenarios in simulation
scenarios *ARGS:
    cargo run --release -- test {{ARGS}}

# Tests of one part: `just test scheduler`
test *ARGS:
    cargo test {{ARGS}}

# Format, then lint as CI does
fix:
    cargo fmt --all
    cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged -- -D warnings

# Measure, and write the figures into the README
bench:
    bash benches/run

# A real server and client in one process
dev:
    cargo run --release -- agent -dev
