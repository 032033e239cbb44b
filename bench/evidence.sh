#!/bin/bash
# Evidence in the PACS after readiness: bench/evidence.sh [STUDIES]
set -euo pipefail
here=$(cd "$(dirname "$0")/.." && pwd)
echo "== load before: $(cut -d' ' -f1-3 /proc/loadavg), $(nproc) cores"
"$here/target/peers/venv/bin/python" "$here/bench/evidence.py" "$here/target/release/gantry" \
    "$here/target/bench/evidence" "${1:-10}"
