#!/bin/sh
# Install what requirements-aistudio.txt names; NumPy, OpenCV and Paddle stay as they are.
# usage: sh tools/setup_aistudio.sh [FOLDER]
# FOLDER: a place that a restart keeps, such as /home/aistudio/external-libraries. Notebooks find it
# after `import sys; sys.path.insert(0, FOLDER)`, commands with PYTHONPATH=FOLDER.
# PYTHON chooses the interpreter (default: python).
set -eu
cd "$(dirname "$0")/.."
python=${PYTHON:-python}

kept=$(mktemp)
trap 'rm -f "$kept"' EXIT
# Requirements that want another version of these are then taken in an older version themselves.
"$python" -m pip list --disable-pip-version-check --format=freeze |
    grep -iE '^(numpy|opencv[a-z-]*|paddlepaddle[a-z-]*)==' > "$kept" || true
echo "stays: $(tr '\n' ' ' < "$kept")"

# With --target pip does not look at what is installed, and puts the same NumPy there once more.
"$python" -m pip install --disable-pip-version-check --quiet \
    -r requirements-aistudio.txt -c "$kept" ${1:+--upgrade --target "$1"}
PYTHONPATH=${1:-}${PYTHONPATH:+:$PYTHONPATH} "$python" -c 'import cv2, numpy, pandas, pydantic, sklearn'
echo "installed${1:+ in $1}"
