#!/bin/bash
# `make install` puts a hone that runs where it was told to, and `make uninstall` leaves nothing behind.
set -eu
cd "$(dirname "$0")/../.."
unset MAKEFLAGS MAKELEVEL MFLAGS
to=$TMPDIR/to
make -s install DESTDIR="$to" PREFIX=/usr
"$to/usr/bin/hone" --version | grep -q "$(cat VERSION)"
find "$to" -type f
[ -s "$to/usr/share/man/man1/hone.1" ] && [ -s "$to/usr/share/bash-completion/completions/hone" ]
bash -n "$to/usr/share/bash-completion/completions/hone"
make -s uninstall DESTDIR="$to" PREFIX=/usr
left=$(find "$to" -type f)
[ -z "$left" ] || { echo "left behind: $left"; exit 1; }
