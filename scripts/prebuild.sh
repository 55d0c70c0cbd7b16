#!/usr/bin/env bash
# Builds release addons into prebuilds/ from any Linux: prebuild.sh [NAME…]; without a name, all:
# linux-x64 linux-arm64 win32-x64 darwin-x64 darwin-arm64
#
# One Linux addon serves glibc >= 2.28 and musl alike. It is built for glibc 2.28, whose structures are as large as musl's or
# larger; it uses only functions that both have (checked below), and names no library: libc is in every process already, and
# a name ("libc.so.6") is what musl's runtimes refuse. The C++ runtime is static.
set -eu
cd "$(dirname "$0")/.."
GLIBC=2.28
root=$PWD
PATH="$(scripts/zig.sh):$PATH"
headers=$(node -p "path.resolve(fs.realpathSync(process.execPath), '../..')")

linux() { # ARCH TRIPLE
  local stage=$root/build-prebuild/$1 target="-target $2-linux-gnu.$GLIBC" addon=$root/prebuilds/linux-$1/lanewise.node
  # A copy, since node-gyp wipes the folder build/ of the one it works in.
  rm -rf "$stage" && mkdir -p "$stage"
  cp -r native package.json binding.gyp "$stage"
  ln -s "$root/node_modules" "$stage/node_modules"
  # -O2 instead of binding.gyp's -O3, which gains nothing with this compiler but a fifth more code.
  CC="zig cc $target" CXX="zig c++ $target" AR="zig ar" LDFLAGS="-s -Wl,--gc-sections" \
    CXXFLAGS="-fno-unroll-loops -Wno-unused-command-line-argument" GYP_DEFINES="optimize=-O2" npm_config_nodedir=$headers npm_config_jobs=max \
    npx prebuildify --napi --platform linux --arch "$1" --name lanewise --target "$(node -p process.versions.node)" \
    --cwd "$stage" --out "$root" >"$stage/build.log" 2>&1 || { tail -n 40 "$stage/build.log"; exit 1; }
  for library in $(patchelf --print-needed "$addon"); do patchelf --remove-needed "$library" "$addon"; done
  checkSymbols "$addon"
}

# Fails if the addon needs a newer glibc, or a function that musl lacks.
checkSymbols() {
  local undefined newest foreign
  undefined=$(nm -D --undefined-only "$1")
  newest=$(grep -o 'GLIBC_[0-9.]*' <<<"$undefined" | sed 's/GLIBC_//' | sort -uV | tail -n 1)
  [ "$(printf '%s\n%s\n' "$newest" $GLIBC | sort -V | tail -n 1)" = $GLIBC ] || { echo "$1 needs glibc $newest"; exit 1; }
  foreign=$(grep -E ' U (__.*_chk|__cxa_thread_atexit_impl|arc4random|_dl_find_object|__libc_single_threaded|__isoc.*)@' <<<"$undefined") &&
    { echo "$1 needs what musl lacks: $foreign"; exit 1; }
  echo "$1: $(stat -c %s "$1") bytes, glibc $newest"
}

# By CMake, which prebuildify cannot stand in for: gyp takes the flags and the kind of library from the system it runs on.
foreign() { # NAME SYSTEM PROCESSOR TRIPLE [CMAKE_OPTION]…
  local name=$1 system=$2 processor=$3 triple=$4 stage=$root/build-prebuild/$1
  shift 4
  mkdir -p "$stage" "prebuilds/$name"
  cmake -S . -B "$stage" -DCMAKE_BUILD_TYPE=Release -DCMAKE_SYSTEM_NAME="$system" -DCMAKE_SYSTEM_PROCESSOR="$processor" \
    -DCMAKE_CXX_COMPILER="zig;c++" -DCMAKE_CXX_COMPILER_TARGET="$triple" -DCMAKE_CXX_FLAGS_RELEASE="-s" \
    -DCMAKE_JS_INC="$headers/include/node" "$@" >"$stage/build.log" 2>&1 &&
    cmake --build "$stage" -j 2 >>"$stage/build.log" 2>&1 || { tail -n 40 "$stage/build.log"; exit 1; }
  cp "$stage/lanewise.node" "prebuilds/$name/lanewise.node"
  echo "prebuilds/$name/lanewise.node: $(stat -c %s "prebuilds/$name/lanewise.node") bytes"
}

windows() {
  local stage=$root/build-prebuild/win32-x64
  mkdir -p "$stage"
  cat node_modules/node-api-headers/def/js_native_api.def <(grep -v -E '^(NAME|EXPORTS)' node_modules/node-api-headers/def/node_api.def) >"$stage/node.def"
  zig dlltool -m i386:x86-64 -D node.exe -d "$stage/node.def" -l "$stage/node.lib"
  foreign win32-x64 Windows x86_64 x86_64-windows-gnu -DCMAKE_JS_LIB="$stage/node.lib"
}

[ $# -gt 0 ] || set -- linux-x64 linux-arm64 win32-x64 darwin-x64 darwin-arm64
for name; do
  case $name in
    linux-x64) linux x64 x86_64 ;;
    linux-arm64) linux arm64 aarch64 ;;
    win32-x64) windows ;;
    darwin-x64) foreign darwin-x64 Darwin x86_64 x86_64-macos.11.0-none ;;
    darwin-arm64) foreign darwin-arm64 Darwin arm64 aarch64-macos.11.0-none ;;
    *) echo "no such target: $name" && exit 2 ;;
  esac
done
