/**
 * The `tls`, `ssh` and `tcp` migration paths: libvirt connects to the target by itself, with whatever
 * certificates or keys the administrator has set up there. The target checks lease and domain all the same.
 */

import { isIPv6 } from 'node:net';
import type { HostId, MigrationOrder } from '@barter/core';
import type { MigrationFacts, MigrationPath, OpenPath } from '../migration-path.ts';
import type { PeerNetwork } from '../network/peer-network.ts';
import { failure, type Result, success } from '../result.ts';
import { askTarget } from './tunnel-path.ts';

export type PlainKind = 'tls' | 'ssh' | 'tcp';

export type PlainOptions = Readonly<{
  network: Pick<PeerNetwork, 'request' | 'remoteAddress'>;
  /** The name that the target's certificate or SSH host key is for; default: its IP address. */
  nameOf?: (host: HostId) => string | undefined;
  prepareMs?: number;
}>;

/** Errors of `open`: the target's (`no-lease`, `check-failed`, …), `unreachable`, `timeout`, `bad-answer`. */
export function plainPath(kind: PlainKind, options: PlainOptions): MigrationPath {
  return { open: (order, facts) => openPlain(kind, options, order, facts) };
}

async function openPlain(
  kind: PlainKind,
  options: PlainOptions,
  order: MigrationOrder,
  facts: MigrationFacts,
): Promise<Result<OpenPath>> {
  const body = {
    settlement: order.settlement,
    domain: order.domain,
    facts,
    way: { kind: 'plain' },
  };
  const answer = await askTarget(options, order.target, body);
  if (!answer.ok) return answer;
  const address = answer.value.address ?? options.network.remoteAddress(order.target);
  if (address === undefined)
    return failure('unreachable', `Host ${order.target} is not connected any more.`);
  const name = options.nameOf?.(order.target) ?? address;
  return success({
    destinationUri: `qemu+${kind}://${inUri(name)}/system`,
    // Without it libvirt would tell QEMU to connect to the target's own idea of its host name.
    migrateUri: `tcp://${inUri(address)}`,
    close: async () => {},
  });
}

function inUri(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
