#!/bin/sh
# Fetches the library of ONNX Runtime out of its wheel on PyPI, checks it, and puts it beside the programs in target/.
#
# Needs Python 3 with pip; no root. Version and digest are read from where the program has them. A second call touches
# no network.
set -eu

cd "$(dirname "$0")/.."
pins=crates/adapters/gantry-infer/src/library.rs
machine=$(uname -m)
version=$(sed -n 's/^pub const VERSION: &str = "\(.*\)";$/\1/p' "$pins")
digest=$(sed -n "s/^ *(\"$machine\", \"sha256:\([0-9a-f]*\)\"),$/\1/p" "$pins")
name=libonnxruntime.so.$version
folder=target/onnxruntime
if [ -z "$version" ] || [ -z "$digest" ]; then
    echo "onnxruntime: no library for $machine was tried; networks will not run" >&2
    exit 0
fi

if [ ! -f "$folder/$name" ]; then
    echo "onnxruntime: fetching $version"
    mkdir -p "$folder"
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --python-version 3.11 --platform "manylinux_2_28_$machine" --dest "$folder" "onnxruntime==$version"
    python3 - "$folder" "$name" <<'PYTHON'
import pathlib, sys, zipfile

folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
[wheel] = folder.glob("onnxruntime-*.whl")
with zipfile.ZipFile(wheel) as archive:
    for inside, outside in [
        (f"onnxruntime/capi/{name}", name + ".unchecked"),
        ("onnxruntime/LICENSE", "onnxruntime-LICENSE"),
        ("onnxruntime/ThirdPartyNotices.txt", "onnxruntime-ThirdPartyNotices.txt"),
    ]:
        (folder / outside).write_bytes(archive.read(inside))
wheel.unlink()
PYTHON
    rm -rf "$folder/venv"
    echo "$digest  $folder/$name.unchecked" | sha256sum --check --quiet
    mv "$folder/$name.unchecked" "$folder/$name"
fi

for profile in debug release; do
    mkdir -p "target/$profile"
    for file in "$name" onnxruntime-LICENSE onnxruntime-ThirdPartyNotices.txt; do
        [ -f "target/$profile/$file" ] || cp "$folder/$file" "target/$profile/$file"
    done
done
