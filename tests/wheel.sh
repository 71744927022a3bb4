#!/bin/sh
# Builds the wheel, installs it into an empty folder and runs quickstart there: what the package
# carries must be enough, without the checkout. BIN is the environment that holds what it depends on.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"$BIN/python" -m pip wheel --quiet --no-deps --wheel-dir "$place/wheel" .
"$BIN/python" -m pip install --quiet --no-deps --target "$place/site" "$place"/wheel/*.whl
mkdir "$place/empty"
cd "$place/empty"
export PYTHONPATH="$place/site"
"$BIN/python" -c 'import os, selfdistill; assert selfdistill.__file__.startswith(os.environ["PYTHONPATH"])'
"$BIN/python" -m selfdistill recipes
"$BIN/python" -m selfdistill quickstart
