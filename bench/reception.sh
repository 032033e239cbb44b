#!/bin/bash
# Reception against Orthanc and storescp, interleaved: bench/reception.sh ROUNDS [COUNT]
#
# Prints compare.py's table for CT at 1 and 4 associations, and for a storescu at its defaults. Uses the real-time class
# where it may, so that other load does not decide the ratios.
set -euo pipefail
rounds=${1:-5}
count=${2:-300}
here=$(cd "$(dirname "$0")/.." && pwd)
shared=${GANTRY_SHARED:-$here/../shared}
tools=$shared/bench
python=$here/target/peers/venv/bin/python
work=$here/target/bench
gantry=$here/target/release/gantry
mkdir -p "$work"
[ -d "$work/ct512" ] || "$python" "$tools/gen_ct.py" "$work/ct512" --slices 300 >/dev/null
[ -d "$work/ct160" ] || "$python" "$tools/gen_ct.py" "$work/ct160" --slices 500 --size 160 >/dev/null
export BENCH_BIN=$work/bin
priority=""
chrt -f 10 true 2>/dev/null && priority="chrt -f 10"
run="$priority $python $tools/reception.py"
serve="$gantry serve --dicom-port {port} --http-port 0 --data {dir}/data"

echo "== load before: $(cut -d' ' -f1-3 /proc/loadavg), $(nproc) cores"
for associations in 1 4; do
    echo "== CT 512x512, $associations associations, $rounds rounds of $count"
    options="--data $work/ct512 --assoc $associations --count $count"
    "$python" "$tools/compare.py" -n "$rounds" --out "$work/ct-$associations.jsonl" \
        "orthanc=$run orthanc $options" \
        "storescp=$run storescp $options" \
        "gantry=$run cmd --called GANTRY --cmd '$serve' $options"
done
echo "== 53 kB objects from a storescu at its defaults, 1 association, $rounds rounds of 100"
options="--data $work/ct160 --assoc 1 --count 100 --driver storescu-nagle"
"$python" "$tools/compare.py" -n "$rounds" --out "$work/nagle.jsonl" \
    "orthanc=$run orthanc $options" \
    "storescp=$run storescp $options" \
    "gantry=$run cmd --called GANTRY --cmd '$serve' $options"
if [ "$(id -u)" -eq 0 ]; then
    echo "== ext4 journal commits per object, 1 association, 200 CT, on a file system of its own"
    config='[storage]\nsegment_mib = 128\nspares = 1\nreserve_mib = 16\n'
    cat > "$work/serve.sh" <<EOF
#!/bin/sh
mkdir -p "\$2/data" && printf '$config' > "\$2/data/gantry.toml"
exec $gantry serve --http-port 0 --dicom-port "\$1" --data "\$2/data"
EOF
    chmod +x "$work/serve.sh"
    "$python" "$tools/journal_commits.py" orthanc --data "$work/ct512" || echo "not measured: no loop device here"
    "$python" "$tools/journal_commits.py" cmd --called GANTRY --cmd "$work/serve.sh {port} {dir}" \
        --data "$work/ct512" || echo "not measured: no loop device here"
fi
