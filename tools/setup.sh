#!/bin/sh
# Make the virtual environment $VENV with the first Python 3.11 or 3.12 that is found (or $PYTHON) and install vfxage.
set -eu
VENV=${VENV:-.venv}
PYTHON=${PYTHON:-}

right_version() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 13))' >/dev/null 2>&1
}

complain() {
    printf 'set-up: %s\n' "$@" >&2
    exit 1
}

find_python() {
    if [ -n "$PYTHON" ]; then
        right_version "$PYTHON" || complain "PYTHON=$PYTHON is not a Python 3.11 or 3.12 that runs"
        return
    fi
    for candidate in python3.11 python3.12 python3 python; do
        if right_version "$candidate"; then
            PYTHON=$candidate
            return
        fi
    done
    complain "no Python 3.11 or 3.12 found (MediaPipe with its models is not made for others)" \
        "install one, for example: apt install python3.11 python3.11-venv" \
        "or name it: make demo PYTHON=/path/to/python3.12"
}

if ! { right_version "$VENV/bin/python" && "$VENV/bin/python" -m pip --version >/dev/null 2>&1; }; then
    find_python
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        complain "$PYTHON cannot make virtual environments: its venv or ensurepip module is missing" \
            "install it, for example: apt install $("$PYTHON" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    echo "set-up: making $VENV with $("$PYTHON" --version)"
    "$PYTHON" -m venv --clear "$VENV"
fi

echo "set-up: installing into $VENV (a few minutes the first time)"
"$VENV/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --editable '.[dev]' ||
    complain "pip could not install (see above); mend that and run the same command again, it goes on where it stopped"

# OpenCV's wheel needs two system libraries that a bare machine may not have: report it now, not in the middle of a shot.
"$VENV/bin/python" -c 'import cv2, torch, mediapipe, OpenEXR, PyOpenColorIO, av' 2>"$VENV/import.log" || {
    tail -n 1 "$VENV/import.log" >&2
    complain "a library that was installed does not load (see above)" \
        "libGL or libgthread missing: apt install libgl1 libglib2.0-0"
}
rm -f "$VENV/import.log"
