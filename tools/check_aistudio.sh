#!/usr/bin/env bash
# Makes environments like AI Studio's (NumPy 1.26, OpenCV 4.6, an older Paddle), installs there by
# requirements-aistudio.txt alone, and tells whether what was there has stayed and training runs.
# usage: tools/check_aistudio.sh PYTHON [PYTHON ...]     such as python3.10 python3.11
# Needs internet, a few minutes, and 2 GB while it runs. PADDLES: the versions to try.
set -euo pipefail
cd "$(dirname "$0")/.."
paddles=${PADDLES:-2.6.2 3.2.2 3.3.1}
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
export PADDLE_AUG_CACHE=$place/cache

versions() { "$1" -m pip list --format=freeze | grep -iE '^(numpy|opencv|paddlepaddle)' | tr '\n' ' '; }

for python in "$@"; do
    for paddle in $paddles; do
        rm -rf "$place/venv"
        "$python" -m venv "$place/venv"
        own=$place/venv/bin/python
        pip=("$own" -m pip install --disable-pip-version-check --quiet)
        "${pip[@]}" numpy==1.26.4 opencv-python==4.6.0.66 "paddlepaddle==$paddle"
        before=$(versions "$own")
        "${pip[@]}" -r requirements-aistudio.txt
        echo "$("$own" --version): $(versions "$own")"
        [ "$(versions "$own")" = "$before" ] || { echo "error: it was $before"; exit 1; }
        "$own" train.py --data digits --epochs 2 --output "$place/logs" --overwrite
    done
done
echo "kept, and trained, in every environment"
