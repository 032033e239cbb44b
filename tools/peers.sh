#!/bin/sh
# Installs the programs that the tests talk to, and leaves none of their services running.
#
# Debian packages need root; the Python referees go into target/peers (no root). Everything here is
# idempotent: a second call with all of it present takes a second and touches no network.
set -eu

cd "$(dirname "$0")/.."
venv=target/peers/venv
stamp=target/peers/requirements.txt
packages="dcmtk dicom3tools orthanc libpixelmed-java default-jre-headless strace chromium"

missing=""
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'install ok installed' || missing="$missing $package"
done
if [ -n "$missing" ]; then
    if [ "$(id -u)" -ne 0 ]; then
        echo "peers: not root, cannot install:$missing" >&2
        echo "peers: as root: apt-get install --no-install-recommends$missing" >&2
        exit 1
    fi
    echo "peers: installing$missing"
    apt-get update -qq
    # RUNLEVEL=1 keeps Debian's scripts from starting Orthanc as a service.
    # shellcheck disable=SC2086 # the list is meant to be split
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

if ! cmp -s tools/peers.txt "$stamp"; then
    echo "peers: Python referees into $venv"
    mkdir -p target/peers
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r tools/peers.txt
    cp tools/peers.txt "$stamp"
fi
