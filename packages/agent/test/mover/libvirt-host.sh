#!/bin/sh
# A libvirtd of its own for one test: private network (or the one of process $3), mounts and host name.
# libvirt-host.sh NAME DIRECTORY [PID]    the process becomes libvirtd; its end ends everything but guests
set -eu
name=$1 directory=$2 network=${3:-}
if [ -z "${BARTER_INSIDE:-}" ]; then
  export BARTER_INSIDE=1
  if [ -n "$network" ]; then
    exec nsenter --net="/proc/$network/ns/net" unshare --mount --uts --propagation private "$0" "$@"
  fi
  exec unshare --net --mount --uts --propagation private "$0" "$@"
fi
hostname "$name"
ip link set lo up
mkdir -p "$directory/etc" "$directory/lib" "$directory/log" "$directory/cache"
mount -t tmpfs tmpfs /run
mount --bind "$directory/etc" /etc/libvirt
mount --bind "$directory/lib" /var/lib/libvirt
mount --bind "$directory/log" /var/log
mount --bind "$directory/cache" /var/cache
mkdir -p /run/libvirt /etc/libvirt/qemu
# No KVM: libvirt probes QEMU anew for every call when KVM works for root and not for QEMU's user.
if [ -e /dev/kvm ]; then
  : > "$directory/kvm"
  chmod 0 "$directory/kvm"
  mount --bind "$directory/kvm" /dev/kvm
fi
cat > /etc/libvirt/libvirtd.conf <<CONF
host_uuid = "$(cat /proc/sys/kernel/random/uuid)"
auth_unix_rw = "none"
CONF
# QEMU as distributions run it, without rights: it must reach its migration socket all the same.
user=root
if id libvirt-qemu > /dev/null 2>&1; then user=libvirt-qemu; fi
cat > /etc/libvirt/qemu.conf <<CONF
security_driver = "none"
user = "$user"
group = "$(id -gn "$user")"
namespaces = []
cgroup_controllers = []
stdio_handler = "file"
remember_owner = 0
CONF
exec libvirtd
