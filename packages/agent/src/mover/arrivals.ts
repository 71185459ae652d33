/**
 * The target's side of every migration path: answers `migration.prepare`. It opens itself for exactly
 * one caller, one settlement and one domain, and only while this host keeps room under an unexpired lease.
 *
 * The rule: the lease is looked at before the checks, so that strangers cost nothing, and again after
 * them, because checks take time.
 */

import type { DomainId, HostId, Log, SettlementId } from '@barter/core';
import type { ArrivalDoor } from '../hypervisor/leftovers.ts';
import type { MigrationFacts } from '../migration-path.ts';
import type { Json, PeerNetwork } from '../network/peer-network.ts';
import { failure, type Result, success } from '../result.ts';
import { channelPaths, controlPath, settlementDirectory } from './channel.ts';
import { closeMover, findMover, listMovers } from './control.ts';
import { readDefinition } from './definition.ts';
import { arrivalEvidence, closeDoor, markOpened, orderedMark } from './door.ts';
import { createIdentity } from './identity.ts';
import { monotonicMs } from './monotonic.ts';
import {
  closeBody,
  closeRequest,
  type PrepareAnswer,
  type PrepareBody,
  prepareBody,
  prepareRequest,
} from './prepare.ts';
import { type MoverProcess, startMover } from './start-mover.ts';
import { idleDefaultMs, lingerDefaultMs } from './tunnel-path.ts';

/** What this host promised: until when (its own clock), and how much memory. */
export type ArrivalLease = Readonly<{ expiresAtMs: number; memoryBytes: number }>;

export type ArrivalOptions = MoverProcess &
  Readonly<{
    network: Pick<PeerNetwork, 'onRequest'>;
    log: Log;
    clock: Readonly<{ nowMs(): number }>;
    /** The lease under which `from` may bring `domain` here in `settlement`, if there is one. */
    leaseFor: (
      settlement: SettlementId,
      domain: DomainId,
      from: HostId,
    ) => ArrivalLease | undefined | Promise<ArrivalLease | undefined>;
    /** Everything else that the target must check: names, CPU, machine, networks, disks, policies. */
    checkArrival: (facts: MigrationFacts) => Promise<Result<null>>;
    libvirtSocketPath: string;
    /** QEMU's user, who makes its socket in the settlement's directory; see qemu-owner.ts. */
    owner: Readonly<{ uid: number; gid: number }> | null;
    /** The address that sources are told to come to; default: where the peer network reaches us. */
    migrationAddress?: string;
    /** Default: every address. */
    listenAddress?: string;
    /** For a firewall that lets in a range only; default: any free port. */
    ports?: Readonly<{ first: number; last: number }>;
    /** Driver URIs that a source may open; default `qemu:///system`. */
    driverUris?: readonly string[];
    /** The sources' `runDirectory`; it differs from ours only where both share a file system. */
    sourceRunDirectory?: string;
    /** Movers at once; default 16. */
    moversMax?: number;
    idleMs?: number;
    lingerMs?: number;
  }>;

const moversMaxDefault = 16;

/** Registers `migration.prepare` and `migration.close` on the peer network. Returns what refuses arrivals. */
export function serveArrivals(options: ArrivalOptions): ArrivalDoor {
  const underWay = new Set<string>();
  options.network.onRequest(prepareRequest, async (from, body) => {
    const parsed = prepareBody.safeParse(body);
    if (!parsed.success) {
      const issue = parsed.error.issues[0];
      return failure('bad-request', `${issue?.path.join('.')}: ${issue?.message}.`);
    }
    const { settlement } = parsed.data;
    // Two at once for one settlement would start two movers on the same paths.
    if (underWay.has(settlement))
      return failure('busy', `Settlement ${settlement} is being prepared.`);
    underWay.add(settlement);
    try {
      const answer = await prepare(options, from, parsed.data);
      if (!answer.ok) options.log.log('warn', answer.code, answer.message, { settlement, from });
      return answer.ok ? success(answer.value as unknown as Json) : answer;
    } finally {
      underWay.delete(settlement);
    }
  });
  options.network.onRequest(closeRequest, async (from, body) => {
    const parsed = closeBody.safeParse(body);
    if (!parsed.success) return failure('bad-request', 'settlement: missing or wrong.');
    return closeMover(options.runDirectory, parsed.data.settlement, 'target', from);
  });
  const { runDirectory } = options;
  return {
    close: (settlement) => closeDoor(runDirectory, settlement, () => underWay.has(settlement)),
    evidence: (settlement) => arrivalEvidence(runDirectory, settlement),
  };
}

async function prepare(
  options: ArrivalOptions,
  from: HostId,
  body: PrepareBody,
): Promise<Result<PrepareAnswer>> {
  const lease = await currentLease(options, from, body);
  if (!lease.ok) return lease;
  const checked = checkFacts(body, lease.value);
  if (!checked.ok) return checked;
  const arrival = await options.checkArrival(body.facts);
  if (!arrival.ok) return arrival;
  const still = await currentLease(options, from, body);
  if (!still.ok) return still;
  const leaseMs = still.value.expiresAtMs - options.clock.nowMs();
  try {
    await markOpened(options.runDirectory, body.settlement, body.way.kind === 'tunnel');
  } catch (error) {
    return failure('check-failed', `This host cannot remember what it lets in: ${String(error)}.`);
  }
  if (body.way.kind === 'plain') return success({ tunnel: null, leaseMs, ...addressOf(options) });
  const free = await makeRoomForMover(options, from, body.settlement);
  if (!free.ok) return free;
  return openTunnel(options, from, body, body.way, still.value);
}

function addressOf({ migrationAddress }: ArrivalOptions): Pick<PrepareAnswer, 'address'> {
  return migrationAddress === undefined ? {} : { address: migrationAddress };
}

async function currentLease(
  options: ArrivalOptions,
  from: HostId,
  body: PrepareBody,
): Promise<Result<ArrivalLease>> {
  const settlement = body.settlement as SettlementId;
  const lease = await options.leaseFor(settlement, body.domain as DomainId, from);
  if (lease === undefined || lease.expiresAtMs <= options.clock.nowMs()) {
    const state = lease === undefined ? 'no room' : 'room no longer';
    return failure(
      'no-lease',
      `This host keeps ${state} for domain ${body.domain} of ${from}; settle again.`,
    );
  }
  return success(lease);
}

function checkFacts(body: PrepareBody, lease: ArrivalLease): Result<null> {
  const { facts } = body;
  const refuse = (detail: string) => failure('check-failed', `Domain ${facts.name}: ${detail}.`);
  if (facts.uuid !== body.domain)
    return refuse(`its UUID ${facts.uuid} is not the leased ${body.domain}`);
  if (facts.memoryBytes > lease.memoryBytes)
    return refuse(`it needs ${facts.memoryBytes} bytes and ${lease.memoryBytes} are kept for it`);
  const definition = readDefinition(facts.xml);
  if (!definition.ok) return failure('check-failed', definition.message);
  const { uuid, name, memoryBytes } = definition.value;
  if (uuid !== facts.uuid || name !== facts.name) return refuse('its definition is another one’s');
  if (memoryBytes > lease.memoryBytes)
    return refuse(
      `its definition takes ${memoryBytes} bytes and ${lease.memoryBytes} are kept for it`,
    );
  return success(null);
}

/** A mover left over from an attempt that never began makes room; one that carries bytes does not. */
async function makeRoomForMover(
  options: ArrivalOptions,
  from: HostId,
  settlement: string,
): Promise<Result<null>> {
  const same = await findMover(options.runDirectory, settlement, 'target');
  if (same?.phase === 'carrying')
    return failure('busy', `Settlement ${settlement} is migrating already.`);
  if (same !== undefined) {
    const closed = await closeMover(options.runDirectory, settlement, 'target', from);
    if (!closed.ok) return closed;
  }
  const movers = await listMovers(options.runDirectory);
  const targets = movers.filter((mover) => mover.role === 'target').length;
  const most = options.moversMax ?? moversMaxDefault;
  return targets < most
    ? success(null)
    : failure('busy', `${targets} domains are arriving here already.`);
}

async function openTunnel(
  options: ArrivalOptions,
  from: HostId,
  body: PrepareBody,
  way: Extract<PrepareBody['way'], { kind: 'tunnel' }>,
  lease: ArrivalLease,
): Promise<Result<PrepareAnswer>> {
  const { settlement, facts } = body;
  const definition = readDefinition(facts.xml);
  if (!definition.ok) return definition;
  const directory = settlementDirectory(options.runDirectory, settlement);
  const sourceRun = options.sourceRunDirectory ?? options.runDirectory;
  const sourcePaths = channelPaths(settlementDirectory(sourceRun, settlement));
  if (way.memoryPath !== sourcePaths.memory || way.disksPath !== sourcePaths.disks)
    return failure(
      'path-mismatch',
      `The source listens on ${way.memoryPath}, this host expects ${sourcePaths.memory}: both need the same run directory.`,
    );
  const identity = await createIdentity();
  const leaseMs = lease.expiresAtMs - options.clock.nowMs();
  if (leaseMs <= 0) return failure('no-lease', `The lease of settlement ${settlement} has ended.`);
  const started = await startMover(options, {
    role: 'target',
    settlement,
    domain: facts.uuid,
    peer: from,
    keyPem: identity.keyPem,
    certificatePem: identity.certificatePem,
    peerFingerprint: way.fingerprint,
    controlPath: controlPath(options.runDirectory, settlement, 'target'),
    directory,
    owner: options.owner,
    leaseEndsAtMs: monotonicMs() + leaseMs,
    orderedMark: orderedMark(options.runDirectory, settlement),
    idleMs: options.idleMs ?? idleDefaultMs,
    lingerMs: options.lingerMs ?? lingerDefaultMs,
    listenAddress: options.listenAddress ?? null,
    ports: options.ports ?? { first: 0, last: 0 },
    connect: { ...channelPaths(directory), libvirt: options.libvirtSocketPath },
    expected: {
      definition: { ...definition.value, references: [...definition.value.references] },
      memoryBytesMax: lease.memoryBytes,
      migrateUri: `unix://${way.memoryPath}`,
      disksUri: `unix://${way.disksPath}`,
      driverUris: [...(options.driverUris ?? ['qemu:///system'])],
    },
  });
  if (!started.ok) return started;
  const tunnel = { port: started.value.port, fingerprint: identity.fingerprint };
  options.log.log('info', 'arrival-open', `Domain ${facts.name} may arrive from ${from}.`, {
    settlement,
    port: tunnel.port,
  });
  return success({ tunnel, leaseMs, ...addressOf(options) });
}
