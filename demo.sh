#!/bin/bash
# From a fresh clone to the best trials of a first search: installs what apt lacks, builds, searches.
# Asks nothing and can be run again at any time; each run starts with a database of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() {
    printf '\n\033[1m$ %s\033[0m\n' "$*" | if [ -t 1 ]; then cat; else sed 's/\x1b\[[0-9]*m//g'; fi
}

tools/install build test # test: so that `make test`, the second command of the README, finds cmocka
say make
make
db=build/demo/spiral.db
rm -rf build/demo
mkdir -p build/demo
say build/hone run examples/spiral.json --workers 2 --db $db
exec build/hone run examples/spiral.json --workers 2 --db $db "$@"
