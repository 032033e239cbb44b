#!/bin/sh
# Fetches the library of ONNX Runtime out of its wheel on PyPI, checks it, and puts it beside the programs in target/.
#
# Needs Python 3 with pip; no root. The version and the digests of the library are those of
# crates/adapters/gantry-infer/src/library.rs. A second call touches no network.
set -eu

cd "$(dirname "$0")/.."
version=1.32.0
name=libonnxruntime.so.$version
folder=target/onnxruntime
case $(uname -m) in
    x86_64) wheel=manylinux_2_28_x86_64 digest=6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f ;;
    aarch64) wheel=manylinux_2_28_aarch64 digest=49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a ;;
    *) echo "onnxruntime: no library for $(uname -m) was tried; networks will not run" >&2; exit 0 ;;
esac

if [ ! -f "$folder/$name" ]; then
    echo "onnxruntime: fetching $version"
    mkdir -p "$folder"
    python3 -m venv "$folder/venv"
    "$folder/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        --python-version 3.11 --platform "$wheel" --dest "$folder" "onnxruntime==$version"
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
