#!/usr/bin/env bash
# Runs test/native, which looks for accesses outside of operands by memory that is not there, on the kernels that are built: their objects
# are taken as they are, with the optimization that ships. Ends with "N cases, no access outside of operands", or 1.
# usage: scripts/test-guard.sh [CASES [SEED [FIRST]]], see test/native/guard.cpp; from the environment OBJECTS, CXX and RUN: the folder and the
# compiler of another build than build/Release, and what runs it.
set -eu
cd "$(dirname "$0")/.."
if [ -z "${OBJECTS:-}" ]; then
  OBJECTS=build/Release/obj.target
  # Builds where sources are newer, and in any case where the addon in use is a prebuilt one.
  if [ -d $OBJECTS ]; then LANEWISE_REQUIRE_NATIVE=1 node scripts/install.mjs; else node scripts/install.mjs --force; fi
fi
# But for the addon's boundary, and the scratch that test/native/memory.cpp gives instead.
mapfile -t objects < <(find "$OBJECTS" -name '*.o' -path '*native/*' | grep -v -E '/(addon|demangle|scratch)\.')
${CXX:-g++} -std=c++17 -O2 -Wall -Wextra -pthread -I native test/native/*.cpp "${objects[@]}" -o "$OBJECTS/guard"
${RUN:-} "$OBJECTS/guard" "$@"
