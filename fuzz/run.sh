#!/bin/sh
# Fuzzes one target, or each in turn: `fuzz/run.sh TARGET|all SECONDS [LIBFUZZER_OPTION...]`.
#
# libfuzzer starts from the kept corpus, keeps what it finds in `found/` and what breaks in `artifacts/`, and prints
# executions and coverage. `fuzz/run.sh minimise TARGET|all` then takes into the kept corpus what adds coverage.
set -eu
cd "$(dirname "$0")"

all() { sed -n 's/^name = "\([a-z_]*\)"$/\1/p' Cargo.toml; }

if [ $# -lt 2 ]; then
    echo "usage: fuzz/run.sh TARGET|all SECONDS [LIBFUZZER_OPTION...], or fuzz/run.sh minimise TARGET|all" >&2
    echo "targets:" $(all) >&2
    exit 2
fi

# What `cargo fuzz` does, but with the stable compiler.
export RUSTC_BOOTSTRAP=1
export RUSTFLAGS="--cfg fuzzing -Zsanitizer=address -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target}"
# Leaks cannot be looked for under a debugger or in some containers, and no target allocates outside of Rust.
export ASAN_OPTIONS="${ASAN_OPTIONS:-detect_leaks=0}"
host=$(rustc -vV | sed -n 's/^host: //p')

build() {
    cargo build --release --target "$host" --bin "$1"
    program="$CARGO_TARGET_DIR/$host/release/$1"
}

fuzz() {
    target=$1 seconds=$2
    shift 2
    build "$target"
    mkdir -p "found/$target" "artifacts/$target" "corpus/$target"
    dictionary=""
    [ ! -f "dictionaries/$target.dict" ] || dictionary="-dict=dictionaries/$target.dict"
    # A single input that takes 10 seconds or 512 MB at once is a finding too.
    "$program" -max_total_time="$seconds" -timeout=10 -malloc_limit_mb=512 -rss_limit_mb=2048 -max_len=4096 \
        -print_final_stats=1 -artifact_prefix="artifacts/$target/" $dictionary "$@" "found/$target" "corpus/$target"
}

minimise() {
    build "$1"
    mkdir -p "found/$1" "corpus/$1"
    rm -rf "merged/$1"
    mkdir -p "merged/$1"
    "$program" -merge=1 -timeout=10 -max_len=4096 "merged/$1" "corpus/$1" "found/$1"
    rm -rf "corpus/$1" "found/$1"
    mv "merged/$1" "corpus/$1"
    rmdir merged
}

each() {
    if [ "$1" = all ]; then all; else echo "$1"; fi
}

if [ "$1" = minimise ]; then
    for target in $(each "$2"); do minimise "$target"; done
else
    for target in $(each "$1"); do
        seconds=$2
        fuzz "$target" "$seconds"
    done
fi
