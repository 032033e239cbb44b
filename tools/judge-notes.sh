#!/bin/sh
# Prints what the tests have noted, and fails under CI=true if anything was skipped. See tests/src/notes.rs.
set -eu
notes=$1
if [ ! -f "$notes" ]; then
    echo "notes: the tests left none: $notes is missing" >&2
    exit 1
fi
sed -n 's/^figure: /  /p' "$notes" | sort
skipped=$(grep -c '^skip: ' "$notes" || true)
without=$(grep -c '^no-corpus: ' "$notes" || true)
sed -n 's/^skip: /  skipped: /p' "$notes" | sort
if [ "$without" -gt 0 ]; then
    echo "  $without tests had no shared corpus (GANTRY_SHARED is not set and ../shared is not there)"
fi
if [ "${CI:-}" = true ] && [ "$skipped" -gt 0 ]; then
    echo "notes: $skipped tests were skipped, and CI=true allows none" >&2
    exit 1
fi
