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

# Random input for a parser (`hcl` or `json`), see fuzz/README.md: `just fuzz hcl -max_total_time=60`
fuzz TARGET *ARGS:
    mkdir -p fuzz/corpus/{{TARGET}}
    cargo +nightly fuzz run {{TARGET}} fuzz/corpus/{{TARGET}} fuzz/seeds fixtures/jobs scenarios labs -- -dict=fuzz/{{TARGET}}.dict -timeout=20 -rss_limit_mb=4096 {{ARGS}}
