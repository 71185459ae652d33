/**
 * The lab's network: one namespace plays the switch (bridge `sw0`), each host has its own with a bridge
 * `br0` (the host's address is on it) whose port `up0` is the uplink to the switch. Nothing routes
 * out. See ip-netns(8), tc-tbf(8).
 */

import { lstatSync, readdirSync, readlinkSync, rmSync, statSync } from 'node:fs';
import { identify, mustRun, type ProcessRecord, run } from './process.ts';
import type { HostState, LabState } from './state.ts';

const switchScript = `
ip netns add "$SWITCH"
nsenter --net="/run/netns/$SWITCH" sh -ec '
  echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
  echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
  ip link set lo up
  ip link add sw0 address 02:77:ff:ff:ff:fe type bridge stp_state 0 forward_delay 0 mcast_snooping 0
  ip address add "$ADDRESS/16" dev sw0
  ip link set sw0 up'
`;

/** br0 keeps a fixed MAC: a bridge would otherwise change to its lowest port's, and guests come and go. */
const hostScript = `
ip netns add "$HOST_NS"
ip -n "$HOST_NS" link add up0 type veth peer name "$PORT" netns "$SWITCH"
nsenter --net="/run/netns/$HOST_NS" sh -ec '
  echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
  echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
  ip link set lo up
  ip link add br0 address "$MAC" type bridge stp_state 0 forward_delay 0 mcast_snooping 0
  ip link set up0 master br0 up
  ip address add "$ADDRESS/16" dev br0
  ip link set br0 up'
ip -n "$SWITCH" link set "$PORT" master sw0 up
`;

export async function makeSwitch(lab: LabState): Promise<void> {
  await mustRun(['sh', '-ec', switchScript], {
    environment: { SWITCH: lab.switchNamespace, ADDRESS: lab.switchAddress },
  });
}

export async function makeHostNetwork(lab: LabState, host: HostState): Promise<void> {
  await mustRun(['sh', '-ec', hostScript], {
    environment: {
      SWITCH: lab.switchNamespace,
      HOST_NS: host.namespace,
      PORT: host.id,
      ADDRESS: host.address,
      MAC: `02:77:00:00:00:${Number(host.id.slice(1)).toString(16).padStart(2, '0')}`,
    },
  });
  await shapeUplink(lab, host, lab.options.uplinkBitsPerSecond);
}

/** Limits a host's uplink in each direction; null takes the limit away. */
export async function shapeUplink(
  lab: LabState,
  host: HostState,
  bitsPerSecond: number | null,
): Promise<void> {
  const ends = [
    [host.namespace, 'up0'],
    [lab.switchNamespace, host.id],
  ] as const;
  for (const [namespace, device] of ends) {
    const tc = ['tc', '-n', namespace, 'qdisc'];
    if (bitsPerSecond === null) await run([...tc, 'del', 'dev', device, 'root']);
    else {
      const tbf = ['tbf', 'rate', `${bitsPerSecond}bit`, 'burst', '64k', 'latency', '50ms'];
      await mustRun([...tc, 'replace', 'dev', device, 'root', ...tbf]);
    }
  }
}

/** Cuts or mends a host's uplink. */
export async function setUplink(host: HostState, state: 'up' | 'down'): Promise<void> {
  await mustRun(['ip', '-n', host.namespace, 'link', 'set', 'up0', state]);
}

/** Runs a command in the switch's network, where every guest and host can be reached. */
export function inSwitch(lab: LabState, argv: readonly string[]): string[] {
  return ['nsenter', `--net=/run/netns/${lab.switchNamespace}`, ...argv];
}

export function namespaceExists(name: string): boolean {
  return lstatSync(`/run/netns/${name}`, { throwIfNoEntry: false }) !== undefined;
}

/** Every process in a network namespace, whoever started it. */
export function processesIn(namespace: string): readonly ProcessRecord[] {
  const inode = statSync(`/run/netns/${namespace}`, { throwIfNoEntry: false })?.ino;
  if (inode === undefined) return [];
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry) && networkOf(entry) === `net:[${inode}]`)
    .flatMap((entry) => identify(Number(entry)) ?? []);
}

function networkOf(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

/** Removes a namespace and what is left of its name, also when it did not survive a reboot. */
export async function removeNamespace(name: string): Promise<void> {
  if (!namespaceExists(name)) return;
  await run(['ip', 'netns', 'del', name]);
  rmSync(`/run/netns/${name}`, { force: true });
}
