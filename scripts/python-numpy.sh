#!/usr/bin/env bash
# Prints a Python that has NumPy 2: the one LANEWISE_PYTHON names, else python3, else one made in .cache/numpy.
# usage: LANEWISE_PYTHON=$(scripts/python-numpy.sh)
set -eu
cd "$(dirname "$0")/.."
VERSION=2.2.6 # runs on Python 3.10 to 3.13
fits() { "$1" -c 'import numpy; assert numpy.__version__ >= "2"' 2>/dev/null; }

for python in ${LANEWISE_PYTHON:-python3} "$PWD/.cache/numpy/bin/python"; do
  if fits "$python"; then
    echo "$python"
    exit
  fi
done
{
  # Debian's python3 has no ensurepip of its own.
  python3 -c 'import ensurepip, venv' || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv; }
  rm -rf .cache/numpy
  python3 -m venv .cache/numpy
  .cache/numpy/bin/python -m pip install --quiet --disable-pip-version-check "numpy==$VERSION"
} >&2
echo "$PWD/.cache/numpy/bin/python"
