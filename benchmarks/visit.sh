#!/bin/sh
# What a machine with a GPU and no registry runs, from the repository's root:
#     WHEELS=DIR OUT=DIR sh benchmarks/visit.sh first
#     WHEELS=DIR OUT=DIR DATA=DIR sh benchmarks/visit.sh second
# WHEELS holds wheels of jsonargparse, docstring-parser, typeshed-client with their needs, beartype;
# DATA the folder cifar-100-binary. What the call prints and writes is in OUT.
set -e
: "${OUT:?}" "${WHEELS:?}"
mkdir -p "$OUT/site"
python -m pip install --quiet --no-index --no-deps --target "$OUT/site" "$WHEELS"/*.whl
export CUBLAS_WORKSPACE_CONFIG=:4096:8
export PYTHONPATH="$PWD/src:$OUT/site" TORCHINDUCTOR_CACHE_DIR="$PWD/.inductor" OMP_NUM_THREADS=1
case "$1" in
first) python -m benchmarks.gpu first --seconds "${SECONDS_GIVEN:-240}" --out "$OUT" 2>&1 | tee "$OUT/first.txt" ;;
second) python -m benchmarks.gpu second --seconds "${SECONDS_GIVEN:-480}" --out "$OUT" --data "${DATA:?}" 2>&1 | tee "$OUT/second.txt" ;;
*) echo "say first or second"; exit 2 ;;
esac
rm -rf "$OUT/site"
