#!/usr/bin/env bash
# Runs every target of fuzz/ for some seconds, with libFuzzer and AddressSanitizer.
# Usage: fuzz.sh [SECONDS_EACH [TARGET...]]
#
# What is found on the way is kept in target/fuzz-corpus/TARGET and is where the next run begins,
# together with fuzz/seeds/TARGET. RUSTC_BOOTSTRAP=1 allows the flags on the stable toolchain; they
# are those of cargo-fuzz, which is not needed.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=${1:-10}
targets=("${@:2}")
if [ ${#targets[@]} = 0 ]; then
    mapfile -t targets < <(sed -n 's/^name = "\(.*\)"$/\1/p' fuzz/Cargo.toml | grep -v '^apilink-fuzz$')
fi
host=$(rustc -vV | sed -n 's/^host: //p')

flags=(
    --cfg fuzzing
    -Zsanitizer=address
    -Cpasses=sancov-module
    -Cllvm-args=-sanitizer-coverage-level=4
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
    -Cllvm-args=-sanitizer-coverage-pc-table
    -Cllvm-args=-sanitizer-coverage-trace-compares
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0
)
RUSTC_BOOTSTRAP=1 RUSTFLAGS="${flags[*]}" CARGO_TARGET_DIR=target/fuzz \
    cargo build --locked --quiet --release --manifest-path fuzz/Cargo.toml --target "$host"

for target in "${targets[@]}"; do
    program=target/fuzz/$host/release/$target
    corpus=target/fuzz-corpus/$target
    crashes=target/fuzz-crashes/$target
    log=target/fuzz-crashes/$target.log
    mkdir -p "$corpus" "$crashes"
    if ! "$program" "$corpus" "fuzz/seeds/$target" -artifact_prefix="$crashes/" \
        -max_total_time="$seconds" -max_len=4096 -timeout=10 -rss_limit_mb=2048 \
        -print_final_stats=1 >"$log" 2>&1; then
        tail -n 60 "$log"
        echo "FAILED  $target. What made it fail is in $crashes; once more, with:"
        find "$crashes" -type f -newer "$program" -printf "          $program %p\n"
        exit 1
    fi
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    coverage=$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -n 1)
    # A target that is not instrumented covers nothing, and would find nothing.
    if [ "${coverage:-0}" -lt 100 ]; then
        tail -n 20 "$log"
        echo "FAILED  $target covers ${coverage:-nothing}: it is not instrumented"
        exit 1
    fi
    printf 'ok      %-20s %9s runs, coverage %5s, %4s inputs kept\n' "$target" "$runs" \
        "$coverage" "$(find "$corpus" -type f | wc -l)"
done
