/**
 * One machine of the systemd lab: a systemd that is PID 1 of namespaces of its own (mount, PID, UTS, IPC, cgroup; the
 * network is the lab's), on a root that is this machine's, with what is written going to memory. The directories of
 * `privateMounts` lie under the host's directory, as in every lab, so that guests are started and looked at in the same way.
 */

import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { outside, privateMounts, smallDisks, tail } from '../host.ts';
import {
  identify,
  isAlive,
  LabError,
  mustRun,
  type Output,
  poll,
  type RunOptions,
  run,
  startDetached,
} from '../process.ts';
import { cacheDirectory } from '../requirements.ts';
import type { HostState } from '../state.ts';

/** Joins a cgroup of its own, whichever way this machine mounts them. It lies below the root, and `down` removes it. */
const outerScript = `
mkdir -p "$DIRECTORY/cgroup"
mount -t cgroup2 cgroup2 "$DIRECTORY/cgroup"
mkdir -p "$DIRECTORY/cgroup/$CGROUP"
echo $$ > "$DIRECTORY/cgroup/$CGROUP/cgroup.procs"
exec unshare --pid --fork --cgroup --ipc --uts sh -ec "$INNER"
`;

/**
 * Units of this machine are not taken over. /proc/sys is read-only but for the network: systemd would set limits of the
 * kernel, which all share.
 */
const innerScript = `
cd "$DIRECTORY"
mkdir -p root
mount -t tmpfs -o mode=0755 barter-lab root
mkdir root/upper root/work root/merged
mount -t overlay -o "lowerdir=/,upperdir=$PWD/root/upper,workdir=$PWD/root/work" overlay root/merged
cd root/merged

rm -rf etc/systemd/system etc/machine-id etc/fstab etc/barter usr/local/bin/barter usr/lib/barter
mkdir -p etc/systemd/system/multi-user.target.wants etc/barter
for unit in systemd-udevd systemd-timesyncd systemd-modules-load systemd-sysctl systemd-logind console-getty; do
  ln -s /dev/null etc/systemd/system/$unit.service
done
ln -s /dev/null etc/systemd/system/getty.target
ln -s /lib/systemd/system/multi-user.target etc/systemd/system/default.target
ln -s /lib/systemd/system/libvirtd.service etc/systemd/system/multi-user.target.wants/
touch etc/fstab
head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \\n' > etc/machine-id
echo "$HOST_ID" > etc/hostname
if [ "$LIBVIRT" != / ]; then
  cp -a "$LIBVIRT"/lib/systemd/system/. lib/systemd/system/
  cp -a "$LIBVIRT"/etc/libvirt/. etc/libvirt/
  cp -a "$LIBVIRT"/etc/default/. etc/default/
fi
cp -a etc/libvirt/. "$DIRECTORY/etc-libvirt/"
# These machines share one board, and libvirt does not migrate to itself.
echo 'host_uuid_source = "machine-id"' >> "$DIRECTORY/etc-libvirt/libvirtd.conf"
grep -q ^libvirt: etc/group || groupadd --root "$PWD" --system libvirt
rm -f usr/bin/node
touch usr/bin/node
mount --bind "$NODE" usr/bin/node

mount -t proc proc proc
mount --bind proc/sys proc/sys
mount --bind proc/sys/net proc/sys/net
mount -o remount,bind,ro proc/sys
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=1777 tmp tmp
mount -t tmpfs -o mode=0755 dev dev
for device in null zero full random urandom tty net/tun kvm; do
  mkdir -p "$(dirname dev/$device)"
  if [ -e /dev/$device ]; then cp -a /dev/$device dev/$device; chmod 666 dev/$device; fi
done
if [ -e dev/kvm ]; then chgrp kvm dev/kvm; chmod 660 dev/kvm; fi
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts dev/pts
mount -t tmpfs -o mode=1777 shm dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
for pair in $MOUNTS; do
  mkdir -p "./\${pair%%=*}"
  mount --rbind "$DIRECTORY/\${pair#*=}" "./\${pair%%=*}"
done
mkdir -p run/old-root
pivot_root . run/old-root
cd /
umount --lazy /run/old-root
rmdir /run/old-root
exec env -i container=barter-lab PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd
`;

/** Boots a machine and waits until systemd says that all it was to start is there. Throws `LabError`. */
export async function bootMachine(
  host: HostState,
  given: Readonly<{ libvirt: string; diskBytes: number; cgroup: string }>,
  record: () => void,
): Promise<void> {
  const mounts = Object.entries(privateMounts);
  for (const [, directory] of mounts)
    mkdirSync(`${host.directory}/${directory}`, { recursive: true });
  // Memory, as on every machine with systemd; and what is to be filled is small.
  await mountMemory(outside(host, '/run'), '64m');
  await mountMemory(outside(host, smallDisks.agent[0]), String(given.diskBytes));
  for (const directory of [cacheDirectory, '/var/log/libvirt/qemu'])
    mkdirSync(outside(host, directory), { recursive: true });
  // Copies: libvirt makes what a guest boots from QEMU's own.
  for (const file of ['vmlinuz', 'initrd'])
    cpSync(`${cacheDirectory}/${file}`, `${outside(host, cacheDirectory)}/${file}`);
  const log = `${host.directory}/console.log`;
  const keeper = await startDetached(
    [
      ...['nsenter', `--net=/run/netns/${host.namespace}`],
      ...['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', outerScript],
    ],
    log,
    {
      INNER: innerScript,
      HOST_ID: host.id,
      DIRECTORY: host.directory,
      MOUNTS: mounts.map(([mount, directory]) => `${mount}=${directory}`).join(' '),
      CGROUP: given.cgroup,
      LIBVIRT: given.libvirt,
      NODE: process.execPath,
    },
  );
  const isInit = () => {
    if (!isAlive(keeper)) throw new LabError(`${host.id} did not boot: ${tail(log)}`);
    const pid = childOf(keeper.pid);
    if (pid === undefined || commandOf(pid) !== 'systemd') return false;
    host.holder = identify(pid) ?? null;
    return host.holder !== null;
  };
  if (!(await poll(isInit, 30_000, 50)))
    throw new LabError(`${host.id} did not boot: ${tail(log)}`);
  record();
  const isUp = async () =>
    /^(running|degraded)/.test((await onMachine(host, ['systemctl', 'is-system-running'])).stdout);
  if (!(await poll(isUp, 60_000, 300))) throw new LabError(`systemd of ${host.id} does not get up`);
  const { stdout: failed } = await onMachine(host, [
    'systemctl',
    '--failed',
    '--plain',
    '--no-legend',
  ]);
  if (failed.trim() !== '') throw new LabError(`on ${host.id} failed: ${failed.trim()}`);
}

async function mountMemory(directory: string, size: string): Promise<void> {
  const options = `size=${size},mode=0755`;
  await mustRun(['mount', '-t', 'tmpfs', '-o', options, 'barter-lab', directory]);
}

function childOf(pid: number): number | undefined {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    return children === '' ? undefined : Number(children.split(' ')[0]);
  } catch {
    return undefined;
  }
}

function commandOf(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return undefined;
  }
}

/** Runs a command in all namespaces of a machine, with the environment of a login there. */
export async function onMachine(
  host: HostState,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<Output> {
  if (!isAlive(host.holder)) throw new LabError(`machine ${host.id} is not up`);
  const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
  return await run(
    [
      ...['nsenter', '-t', String(host.holder.pid), '-m', '-n', '-u', '-i', '-p', '-C', '--'],
      ...['env', '-i', `PATH=${path}`, 'HOME=/root', 'LC_ALL=C.UTF-8', ...argv],
    ],
    options,
  );
}

/** As `onMachine`, for a command that has to succeed; returns what it printed. Throws `LabError` with its last words. */
export async function mustOnMachine(
  host: HostState,
  argv: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await onMachine(host, argv, options);
  if (code === 0) return stdout;
  const words = (stderr.trim() || stdout.trim()).split('\n').slice(-3).join(' ');
  throw new LabError(`${argv.join(' ').slice(0, 200)} on ${host.id}: exit code ${code}: ${words}`);
}
