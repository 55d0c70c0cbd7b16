#!/usr/bin/env bash
# Builds the addon with AddressSanitizer and UndefinedBehaviorSanitizer, then with ThreadSanitizer, and runs training, replay and
# random commands on each. Node itself is not instrumented: the sanitizer's library is preloaded. First, without sanitizers, every op with
# operands beside unmapped memory (test-guard.sh), as sanitizers see little of hand-written vector code.
# usage: scripts/test-sanitizers.sh [SECONDS of fuzzing, 15]; the seed is fixed, npm run fuzz takes a new one each time.
# Ends with "N passed, N failed".
set -u
cd "$(dirname "$0")/.."
seconds=${1:-15}
passed=0 failed=0
headers="$(dirname "$(readlink -f "$(command -v node)")")/../include/node"

build() { # NAME SANITIZERS
  cmake -S . -B "build-$1/build/Release" -DLANEWISE_SANITIZE="$2" -DCMAKE_JS_INC="$headers" \
    -DCMAKE_LIBRARY_OUTPUT_DIRECTORY="$PWD/build-$1/build/Release" >/dev/null &&
    cmake --build "build-$1/build/Release" -j 2 >/dev/null
}
check() { # NAME COMMAND…
  local name=$1 out
  shift
  if out=$("$@" 2>&1); then
    passed=$((passed + 1))
    echo "$name: passed  $(tail -n 1 <<<"$out" | cut -c 1-150)"
  else
    failed=$((failed + 1))
    echo "$name: FAILED"
    tail -n 40 <<<"$out"
  fi
}
same_hash() { # JOB DTYPE, environment set by the caller
  local want
  want=$(env -u LD_PRELOAD node -p "require('./test/fixtures/hashes.json')['$1 $2']")
  node test/support/train-hash.mjs "$1" "$2" replay | grep -e "$want"
}
# The first job's first 2,000 rows: a batch gathered in legs and a step ahead, gradient and optimizer as one job.
first_rows() { # environment set by the caller
  local want
  want=$(env -u LD_PRELOAD -u LANEWISE_PREBUILD LANEWISE_THREADS=1 node test/support/train-hash.mjs seed float32 replay 2 2000) || return 1
  node test/support/train-hash.mjs seed float32 replay 2 2000 | grep -e "$(node -p 'JSON.parse(process.argv[1]).hash' "$want")"
}
# LeakSanitizer sees Node's own losses too: only blocks that our addon allocated count.
# With thread-local memory to look at (use_tls) it crashes in a process with worker threads.
no_leaks() { # COMMAND…
  local log status
  log=$(mktemp)
  ASAN_OPTIONS=detect_leaks=1:halt_on_error=1:exitcode=0 LSAN_OPTIONS=use_tls=0 "$@" >"$log" 2>&1
  status=$?
  if [ $status -eq 0 ] && node scripts/own-leaks.mjs "$log"; then
    rm "$log"
  else
    tail -n 5 "$log"
    rm "$log"
    return 1
  fi
}
export LANEWISE_BACKEND=native

check "operands beside unmapped memory" scripts/test-guard.sh

if build asan address,undefined; then
  export LANEWISE_PREBUILD="$PWD/build-asan"
  # Node leaks on purpose at exit; no_leaks and the suite of memory tests look for ours.
  export ASAN_OPTIONS=detect_leaks=0:halt_on_error=1 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
  export LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libubsan.so)"
  for isa in $(node -p "require('./build-asan/build/Release/lanewise.node').info().isas.join(' ')"); do
    for dtype in float32 float64; do LANEWISE_ISA=$isa LANEWISE_THREADS=3 check "asan, training, $isa, $dtype" same_hash odd $dtype; done
  done
  LANEWISE_THREADS=3 check "asan, the first job on three threads" first_rows
  check "asan, random commands" node scripts/fuzz.mjs --seed 1 --seconds "$seconds" --binary build-asan/build/Release/lanewise.node
  LANEWISE_THREADS=3 check "asan, leaks of 50 workers" no_leaks node test/support/workers-leak.mjs
  unset LD_PRELOAD
else
  failed=$((failed + 1))
  echo "asan: the build failed"
fi

if build tsan thread; then
  export LANEWISE_PREBUILD="$PWD/build-tsan" TSAN_OPTIONS="halt_on_error=1:suppressions=$PWD/scripts/tsan.supp"
  export LD_PRELOAD="$(g++ -print-file-name=libtsan.so)"
  LANEWISE_THREADS=3 check "tsan, training on three threads" same_hash odd float32
  for threads in 2 5; do LANEWISE_THREADS=$threads check "tsan, the first job, $threads threads" first_rows; done
  LANEWISE_THREADS=3 check "tsan, replays at once, aborts, workers that end" node test/support/busy-threads.mjs
  check "tsan, two threads and nine in turn" node test/support/thread-counts.mjs 2000
  unset LD_PRELOAD
else
  failed=$((failed + 1))
  echo "tsan: the build failed"
fi
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
