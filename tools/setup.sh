#!/bin/sh
# Make the virtual environment .venv and install what the given requirements files name.
# usage: tools/setup.sh requirements.txt [requirements-test.txt ...]
# Run again, it installs nothing unless a requirements file has changed.
# PYTHON chooses the interpreter (default: python3, else the newest supported one found).
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
supported() { "$1" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null; }

find_python() {
    for candidate in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10}; do
        if command -v "$candidate" >/dev/null 2>&1 && supported "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    say "No Python 3.10 to 3.13 found (Paddle has no build for others). On Debian or Ubuntu:"
    say "    sudo apt install python3 python3-venv"
    say "or name one: make PYTHON=/path/to/python3.12 ..."
    exit 1
}

if [ ! -x .venv/bin/python ] || ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    python=$(find_python)
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        say "$python cannot make virtual environments. On Debian or Ubuntu:"
        say "    sudo apt install python$version-venv"
        exit 1
    fi
    say "making the virtual environment .venv with $("$python" --version)"
    rm -rf .venv
    "$python" -m venv .venv
fi

for requirements in "$@"; do
    # A requirements file may include another, so all of them decide whether a stamp is fresh.
    stamp=.venv/.installed-$(basename "$requirements" .txt)
    wanted=$(cat requirements*.txt | cksum)
    if [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ]; then
        say "installing $requirements (once; Paddle is large)"
        if ! .venv/bin/python -m pip install --disable-pip-version-check --quiet -r "$requirements"; then
            say "The installation failed; the lines above say why. Without internet, or behind a proxy,"
            say "set pip's own options (PIP_INDEX_URL, HTTPS_PROXY) and run the same command again."
            exit 1
        fi
        printf '%s\n' "$wanted" > "$stamp"
    fi
done
