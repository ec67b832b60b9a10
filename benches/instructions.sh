#!/usr/bin/env bash
# Instructions a line and a byte of `whatchanged templates`, format by format: the same on every run, whatever else the machine does.
# The first half of a corpus is measured by itself and taken off, so that what is built once (formats, automata) does not count.
#
#   benches/instructions.sh [FORMAT ...]        default: mixed and the formats seen most; `all`: every format
#   SIZE=512K  SEED=1  BINARY=path              size of a corpus; the program, default: built here by cargo
#   FUNCTIONS=10                                prints so many of the costliest functions of each corpus as well
set -euo pipefail
cd "$(dirname "$0")/.."
command -v valgrind > /dev/null || { echo "valgrind is not installed" >&2; exit 1; }

size=${SIZE:-512K} seed=${SEED:-1} functions=${FUNCTIONS:-0}
target=${CARGO_TARGET_DIR:-target}
if [[ -z ${BINARY:-} ]]; then
    cargo build --release --quiet
    BINARY=$target/release/whatchanged
fi
cargo build --release --quiet --example corpus
corpus=$target/release/examples/corpus

formats=("$@")
[[ ${#formats[@]} -gt 0 ]] || formats=(mixed json-lines nginx-access postgresql-stderr logfmt logback docker-json cri python-logging
    syslog-rfc5424 nginx-error postgresql-csvlog mysql-slow pgbouncer glog generic-header)
[[ ${formats[0]} != all ]] || mapfile -t formats < <(echo mixed; "$corpus" list)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Instructions of one run over a file.
count() {
    valgrind --tool=callgrind --callgrind-out-file="$work/callgrind.out" "$BINARY" templates "$1" --quiet --threads 1 > "$work/told" 2> "$work/log"
    sed -n 's/.*Collected : \([0-9]*\).*/\1/p' "$work/log"
}

printf '%-20s %9s %12s %14s %12s %12s\n' format lines bytes instructions 'per line' 'per byte'
for format in "${formats[@]}"; do
    "$corpus" "$format" "$size" "$seed" > "$work/corpus.log"
    head -n "$(($(wc -l < "$work/corpus.log") / 2))" "$work/corpus.log" > "$work/half.log"
    half=$(count "$work/half.log")
    all=$(count "$work/corpus.log")
    lines=$(($(wc -l < "$work/corpus.log") - $(wc -l < "$work/half.log")))
    bytes=$(($(wc -c < "$work/corpus.log") - $(wc -c < "$work/half.log")))
    awk -v f="$format" -v l="$lines" -v b="$bytes" -v n="$((all - half))" \
        'BEGIN { printf "%-20s %9d %12d %14d %12.0f %12.1f\n", f, l, b, n, n / l, n / b }'
    if [[ $functions -gt 0 ]]; then
        callgrind_annotate --auto=no "$work/callgrind.out" | grep -E '^ *[0-9,]+ \(' | sed -n "2,$((functions + 1))p" | cut -c 1-150
    fi
done
