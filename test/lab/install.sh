#!/bin/bash
# Installs what the lab needs on Debian: packages, the users libvirtd insists on, mount points, and in
# /var/cache/barter-lab a guest kernel (unpacked, never installed), an initramfs and the choice of accelerator.
# Run as root; running it again only does what is missing or has changed.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=/var/cache/barter-lab
packages=(libvirt-daemon libvirt-daemon-driver-qemu libvirt-clients qemu-system-x86 qemu-utils iproute2 nftables
  busybox-static cpio zstd util-linux procps gcc libc6-dev)
modules=(virtio_ring virtio virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci failover net_failover virtio_net)

say() { echo "lab:install: $*"; }
fail() { echo "lab:install: $*" >&2; exit 1; }

[ "$(id -u)" = 0 ] || fail "must run as root: sudo npm run lab:install"
command -v apt-get >/dev/null || fail "this machine has no apt-get; install by hand: ${packages[*]} and a kernel with its virtio modules (see test/lab/README.md)"
[ "$(uname -m)" = x86_64 ] || fail "the lab's guests are x86_64 and this machine is $(uname -m)"

missing=()
for package in "${packages[@]}"; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done
if [ ${#missing[@]} -gt 0 ]; then
  say "installing ${missing[*]}"
  # Services must not start: every lab host runs its own libvirtd, and this machine needs none.
  policy=/usr/sbin/policy-rc.d
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    trap 'rm -f "$policy"' EXIT
  fi
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
fi

# libvirtd does not start its QEMU driver without these.
getent group kvm >/dev/null || groupadd --system kvm
getent group libvirt-qemu >/dev/null || groupadd --system libvirt-qemu
getent passwd libvirt-qemu >/dev/null || useradd --system --no-create-home --home-dir /var/lib/libvirt \
  --shell /usr/sbin/nologin --gid kvm --groups libvirt-qemu libvirt-qemu

# Each lab host mounts its own directories over these.
mkdir -p /etc/libvirt /var/lib/libvirt /etc/barter /var/lib/barter "$cache"

if [ ! -s "$cache/vmlinuz" ] || [ ! -s "$cache/modules/virtio_net.ko" ]; then
  [ ${#missing[@]} -gt 0 ] || apt-get update -qq
  kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/.*Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
  [ -n "$kernel" ] || fail "apt knows no linux-image-cloud-amd64; add Debian's main archive to its sources and run this again"
  say "downloading and unpacking $kernel (it is not installed)"
  work=$(mktemp -d "$cache/unpack.XXXXXX")
  (cd "$work" && apt-get download -qq "$kernel" 2>/dev/null && dpkg-deb -x ./*.deb files)
  rm -rf "$cache/modules"
  mkdir -p "$cache/modules"
  for module in "${modules[@]}"; do
    file=$(find "$work/files" -name "$module.ko" -o -name "$module.ko.xz" -o -name "$module.ko.zst" | head -n 1)
    case $file in
      *.ko) cp "$file" "$cache/modules/$module.ko" ;;
      *.xz) xz -dc "$file" >"$cache/modules/$module.ko" ;;
      *.zst) zstd -qdc "$file" >"$cache/modules/$module.ko" ;;
      *) fail "$kernel has no module $module; the list in test/lab/install.sh does not fit this kernel" ;;
    esac
  done
  cp "$work"/files/boot/vmlinuz-* "$cache/vmlinuz.new"
  mv "$cache/vmlinuz.new" "$cache/vmlinuz"
  rm -rf "$work"
fi

digest=$(cat "$here/guest/talk.c" "$here/guest/init" "$cache/vmlinuz" | sha256sum | cut -d ' ' -f 1)
if [ "$(cat "$cache/initrd.digest" 2>/dev/null)" != "$digest" ]; then
  say "building the guests' initramfs"
  work=$(mktemp -d "$cache/initrd.XXXXXX")
  mkdir -p "$work/bin" "$work/modules"
  gcc -O2 -Wall -static -s -o "$work/bin/talk" "$here/guest/talk.c"
  cp "$(command -v busybox)" "$work/bin/busybox"
  cp "$cache"/modules/*.ko "$work/modules/"
  install -m 755 "$here/guest/init" "$work/init"
  (cd "$work" && find . | cpio -o -H newc --quiet | gzip -9) >"$cache/initrd.new"
  mv "$cache/initrd.new" "$cache/initrd"
  echo "$digest" >"$cache/initrd.digest"
  rm -f "$cache/accelerator"
  rm -rf "$work"
fi

# /dev/kvm may exist and open and still not run a guest: only a guest that came up counts.
if [ ! -s "$cache/accelerator" ] || [ "$(sed -n 2p "$cache/accelerator")" != "$(uname -r)" ]; then
  accelerator=tcg
  if [ -c /dev/kvm ]; then
    say "trying a guest on /dev/kvm"
    console=$(mktemp "$cache/console.XXXXXX")
    timeout 20 qemu-system-x86_64 -machine pc,accel=kvm -m 96 -nodefaults -display none -no-reboot -monitor none \
      -serial "file:$console" -kernel "$cache/vmlinuz" -initrd "$cache/initrd" \
      -append 'console=ttyS0 quiet barter.address=10.77.255.1/16' >/dev/null 2>&1 &
    guest=$!
    for _ in $(seq 80); do
      if grep -q 'barter guest' "$console"; then accelerator=kvm; break; fi
      kill -0 "$guest" 2>/dev/null || break
      sleep 0.1
    done
    kill "$guest" 2>/dev/null || true
    wait "$guest" 2>/dev/null || true
    rm -f "$console"
  fi
  printf '%s\n%s\n' "$accelerator" "$(uname -r)" >"$cache/accelerator"
  say "guests will run on $accelerator"
fi
say "ready: sudo npm run lab -- up --hosts 3 --domains 6"
