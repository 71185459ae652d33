/**
 * The guests: domains whose kernel and initramfs come from the lab's cache, without disks. Their counters
 * are read over the lab's network from the switch, so a reading does not depend on where the guest
 * runs, nor on anything that moves it.
 */

import { writeFileSync } from 'node:fs';
import { inHost, monitorDirectory, outside } from './host.ts';
import { inSwitch } from './network.ts';
import { LabError, mustRun, run } from './process.ts';
import { accelerator, cacheDirectory } from './requirements.ts';
import type { GuestState, HostState, LabState } from './state.ts';

/** Where `talk` in the guest answers (guest/talk.c). */
const counterPort = '7001';

export type PeerCounters = Readonly<{
  address: string;
  /** What this guest is told to send to that one. */
  bitsPerSecond: number;
  sentBytes: number;
  receivedBytes: number;
  connectionsOpened: number;
  connectionsLost: number;
  connected: boolean;
}>;

export type Counters = Readonly<{ uptimeMs: number; peers: readonly PeerCounters[] }>;

/** What each guest talks to, and what it sends to it: half of the pair's rate. */
function partners(
  lab: LabState,
  guest: GuestState,
): readonly Readonly<{ id: string; bitsPerSecond: number }>[] {
  return lab.pairs.flatMap(({ a, b, bitsPerSecond }) => {
    if (a === guest.id) return [{ id: b, bitsPerSecond: bitsPerSecond / 2 }];
    if (b === guest.id) return [{ id: a, bitsPerSecond: bitsPerSecond / 2 }];
    return [];
  });
}

export function talksTo(lab: LabState, guest: GuestState): readonly string[] {
  return partners(lab, guest).map(({ id }) => id);
}

function domainXml(lab: LabState, guest: GuestState): string {
  const kvm = accelerator() === 'kvm';
  const addressOf = (id: string) => lab.guests.find((other) => other.id === id)?.address ?? '';
  const talk = partners(lab, guest)
    .map(({ id, bitsPerSecond }) => `${addressOf(id)}:${bitsPerSecond}`)
    .join(',');
  return `<domain type='${kvm ? 'kvm' : 'qemu'}' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>${guest.id}</name>
  <uuid>${guest.uuid}</uuid>
  <memory unit='b'>${lab.options.guestMemoryBytes}</memory>
  <vcpu>1</vcpu>
  <os>
    <type arch='x86_64' machine='pc'>hvm</type>
    <kernel>${cacheDirectory}/vmlinuz</kernel>
    <initrd>${cacheDirectory}/initrd</initrd>
    <cmdline>console=ttyS0 quiet panic=1 barter.address=${guest.address}/16 barter.talk=${talk}</cmdline>
  </os>
  <features><acpi/>${kvm ? '' : "<tcg><tb-cache unit='MiB'>32</tb-cache></tcg>"}</features>
  <on_poweroff>destroy</on_poweroff>
  <on_reboot>destroy</on_reboot>
  <on_crash>destroy</on_crash>
  <devices>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <interface type='bridge'>
      <mac address='${guest.mac}'/>
      <source bridge='br0'/>
      <model type='virtio'/>
    </interface>
    <serial type='file'>
      <source path='/var/log/libvirt/qemu/${guest.id}.console' append='on'/>
    </serial>
  </devices>${qemuWords([
    ...(kvm ? [] : oddMemory(lab.options.guestMemoryBytes)),
    ...(lab.options.monitors ? secondMonitor(guest) : []),
  ])}
</domain>
`;
}

/** Arguments that libvirt hands to QEMU as they are. */
function qemuWords(words: readonly string[]): string {
  if (words.length === 0) return '';
  return `
  <qemu:commandline>${words.map((word) => `<qemu:arg value='${word}'/>`).join('')}</qemu:commandline>`;
}

/** QEMU tells what it does also while no libvirtd lives, and before libvirtd knows. */
function secondMonitor(guest: GuestState): readonly string[] {
  const socket = `socket,id=lab.monitor,path=${monitorSocket(guest)},server=on,wait=off`;
  return ['-chardev', socket, '-mon', 'chardev=lab.monitor,mode=control'];
}

/** Where the second monitor of a guest's QEMU listens, inside the host where it runs. */
export function monitorSocket(guest: GuestState): string {
  return `${monitorDirectory}/${guest.id}.monitor`;
}

/**
 * QEMU before 9.0 loses stores of an emulated CPU during migration, one guest in some twenty on a busy machine:
 * where a RAM block is a multiple of 64 pages, reading the dirty bitmap forgets to make the CPU's TLB notice
 * stores again (fixed by "physmem: Fix migration dirty bitmap coherency with TCG memory access"). A block that is
 * two pages longer goes the way that does not forget. libvirt knows whole MiB only, hence QEMU's own words.
 */
function oddMemory(guestMemoryBytes: number): readonly string[] {
  const bytes = Math.ceil(guestMemoryBytes / 2 ** 20) * 2 ** 20 + 8192;
  return [
    ...['-object', `memory-backend-ram,id=lab.ram,size=${bytes}`],
    ...['-machine', 'memory-backend=lab.ram'],
    ...['-m', `${bytes / 1024}k`],
  ];
}

/** Defines and starts a guest on a host; it boots on its own time. */
export async function startGuest(lab: LabState, guest: GuestState, host: HostState): Promise<void> {
  const file = `/run/${guest.id}.xml`;
  writeFileSync(outside(host, file), domainXml(lab, guest));
  await mustRun(inHost(host, ['virsh', '-q', 'define', file]));
  await mustRun(inHost(host, ['virsh', '-q', 'start', guest.id]));
}

/** Takes a guest off a host, running or not. */
export async function removeGuest(guest: GuestState, host: HostState): Promise<void> {
  await run(inHost(host, ['virsh', '-q', 'destroy', guest.id]));
  await run(inHost(host, ['virsh', '-q', 'undefine', guest.id]));
}

/** Sends one command to a guest's `talk` and returns its answer; undefined when it does not answer. */
async function ask(lab: LabState, guest: GuestState, command: string): Promise<string | undefined> {
  const argv = inSwitch(lab, ['busybox', 'nc', '-w', '3', guest.address, counterPort]);
  const result = await run(argv, { input: `${command}\n`, timeoutMs: 6_000 });
  return result.code === 0 && result.stdout !== '' ? result.stdout : undefined;
}

/** A guest's counters since it booted; undefined when it does not answer (off, booting, cut off). */
export async function readCounters(
  lab: LabState,
  guest: GuestState,
): Promise<Counters | undefined> {
  const text = await ask(lab, guest, 'counters');
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Counters;
  } catch {
    // The connection broke in the middle of the line.
    return undefined;
  }
}

/** Changes what two guests send each other from now on (both directions added). Throws `LabError`. */
export async function setPairRate(
  lab: LabState,
  one: GuestState,
  other: GuestState,
  bitsPerSecond: number,
): Promise<void> {
  for (const [from, to] of [
    [one, other],
    [other, one],
  ] as const) {
    const problem = await setRate(lab, from, to, bitsPerSecond / 2);
    if (problem !== null) throw new LabError(`${from.id} did not take its new rate (${problem})`);
  }
}

/**
 * Changes what one guest sends to another, from now on; 0 keeps the connection, idle. Returns null, or why the
 * guest did not take it (it stands still, or is cut off).
 */
export async function setRate(
  lab: LabState,
  from: GuestState,
  to: GuestState,
  bitsPerSecond: number,
): Promise<string | null> {
  const answer = await ask(lab, from, `rate ${to.address} ${bitsPerSecond}`);
  return answer?.trim() === 'ok' ? null : (answer?.trim() ?? 'no answer');
}

/** Has the guest shut itself down, as its user would. */
export async function powerOff(lab: LabState, guest: GuestState): Promise<void> {
  await ask(lab, guest, 'poweroff');
}
