/**
 * The `tunnel` migration path, seen from the source: asks the target over the peer network to open
 * itself for one settlement, starts the source's mover, and gives libvirt URIs that end at it.
 */

import type { HostId, MigrationOrder } from '@barter/core';
import type { MigrationFacts, MigrationPath, OpenPath } from '../migration-path.ts';
import type { Json, PeerNetwork } from '../network/peer-network.ts';
import { maySignal } from '../process-record.ts';
import { failure, type Result, success } from '../result.ts';
import { channelPaths, controlPath, settlementDirectory } from './channel.ts';
import { closeMover, findMover } from './control.ts';
import { createIdentity, type Identity } from './identity.ts';
import type { SourceJob } from './job.ts';
import { monotonicMs } from './monotonic.ts';
import { closeRequest, type PrepareAnswer, prepareAnswer, prepareRequest } from './prepare.ts';
import { findQemuProcess } from './qemu-process.ts';
import { endStandstill, standstillMark } from './standstill.ts';
import { type MoverProcess, startMover } from './start-mover.ts';

export type TunnelOptions = MoverProcess &
  Readonly<{
    network: Pick<PeerNetwork, 'request' | 'remoteAddress'>;
    /** QEMU's user, who may use the sockets besides root; null: only root. See qemu-owner.ts. */
    owner: Readonly<{ uid: number; gid: number }> | null;
    /** Where libvirt's QEMU driver keeps its files (qemu-process.ts); null: QEMU is not held still (standstill.ts). */
    qemuDirectory: string | null;
    /** A migration without a moving byte is given up after this long; default 10 minutes. */
    idleMs?: number;
    /** How long a mover stays after the last connection closed; default 5 s. */
    lingerMs?: number;
    /** How long the target may take to check and open itself; default 30 s. */
    prepareMs?: number;
  }>;

export const idleDefaultMs = 10 * 60 * 1000;
export const lingerDefaultMs = 5000;
const prepareDefaultMs = 30_000;
const closeMaxMs = 3000;

export class TunnelPath implements MigrationPath {
  readonly #options: TunnelOptions;

  constructor(options: TunnelOptions) {
    this.#options = options;
  }

  /**
   * Errors: the target's (`no-lease`, `check-failed`, `busy`, `path-mismatch`, …), `expired` when the lease
   * ended meanwhile, `unreachable`, `timeout`, `bad-answer`, `mover-failed`, `qemu-not-found`, `qemu-not-ours`.
   * After an error nothing is open.
   */
  async open(order: MigrationOrder, facts: MigrationFacts): Promise<Result<OpenPath>> {
    const askedAtMs = monotonicMs();
    const under = await findMover(this.#options.runDirectory, order.settlement, 'source');
    if (under?.phase === 'carrying')
      return failure('busy', `Settlement ${order.settlement} is migrating already.`);
    if (under !== undefined) await this.#closeSource(order);
    const standstill = this.#standstill(order, facts);
    if (!standstill.ok) return standstill;
    const identity = await createIdentity();
    const answer = await this.#prepare(order, facts, identity);
    if (!answer.ok) return answer;
    const endsAtMs = Math.min(askedAtMs + order.leaseMs, monotonicMs() + answer.value.leaseMs);
    const opened = await this.#startSource(
      order,
      identity,
      answer.value,
      endsAtMs,
      standstill.value,
    );
    if (!opened.ok) await this.#closeTarget(order);
    return opened;
  }

  async #prepare(
    order: MigrationOrder,
    facts: MigrationFacts,
    identity: Identity,
  ): Promise<Result<PrepareAnswer>> {
    const paths = this.#paths(order);
    const body: Json = {
      settlement: order.settlement,
      domain: order.domain,
      facts,
      way: {
        kind: 'tunnel',
        fingerprint: identity.fingerprint,
        memoryPath: paths.memory,
        disksPath: paths.disks,
      },
    };
    return askTarget(this.#options, order.target, body);
  }

  async #startSource(
    order: MigrationOrder,
    identity: Identity,
    answer: PrepareAnswer,
    endsAtMs: number,
    standstill: SourceJob['standstill'],
  ): Promise<Result<OpenPath>> {
    const options = this.#options;
    const host = answer.address ?? options.network.remoteAddress(order.target);
    if (host === undefined || answer.tunnel === null)
      return failure('unreachable', `Host ${order.target} is not connected any more.`);
    if (monotonicMs() >= endsAtMs)
      return failure(
        'expired',
        `The lease of settlement ${order.settlement} ended before the path was open.`,
      );
    const paths = this.#paths(order);
    const started = await startMover(options, {
      role: 'source',
      settlement: order.settlement,
      domain: order.domain,
      peer: order.target,
      keyPem: identity.keyPem,
      certificatePem: identity.certificatePem,
      peerFingerprint: answer.tunnel.fingerprint,
      controlPath: controlPath(options.runDirectory, order.settlement, 'source'),
      directory: settlementDirectory(options.runDirectory, order.settlement),
      owner: options.owner,
      leaseEndsAtMs: endsAtMs,
      idleMs: options.idleMs ?? idleDefaultMs,
      lingerMs: options.lingerMs ?? lingerDefaultMs,
      listen: paths,
      standstill,
      host,
      port: answer.tunnel.port,
    });
    if (!started.ok) return started;
    return success({
      destinationUri: `qemu+unix:///system?socket=${encodeURIComponent(paths.libvirt)}`,
      migrateUri: `unix://${paths.memory}`,
      disksUri: `unix://${paths.disks}`,
      close: async () => {
        await this.#closeSource(order);
        // How it ended is known: nothing waits any more.
        endStandstill(standstillMark(options.runDirectory, order.settlement));
        await this.#closeTarget(order);
      },
    });
  }

  #standstill(order: MigrationOrder, facts: MigrationFacts): Result<SourceJob['standstill']> {
    const { qemuDirectory, runDirectory } = this.#options;
    if (qemuDirectory === null) return success(null);
    const qemu = findQemuProcess(qemuDirectory, facts);
    if (!qemu.ok) return qemu;
    // The mover has the agent's rights. Found out before memory is sent, and not when the order may not pass.
    if (!maySignal(qemu.value.pid))
      return failure(
        'qemu-not-ours',
        `This agent may not hold the QEMU of ${facts.name} (process ${qemu.value.pid}) still while the target is told to run the domain: the agent needs CAP_KILL (see deploy/barter.service).`,
      );
    const mark = standstillMark(runDirectory, order.settlement);
    return success({ qemu: qemu.value, mark });
  }

  #paths(order: MigrationOrder) {
    return channelPaths(settlementDirectory(this.#options.runDirectory, order.settlement));
  }

  async #closeSource(order: MigrationOrder): Promise<void> {
    await closeMover(this.#options.runDirectory, order.settlement, 'source');
  }

  /** A courtesy: the target's mover ends by itself as well, only later. */
  async #closeTarget(order: MigrationOrder): Promise<void> {
    const body = { settlement: order.settlement };
    await this.#options.network.request(order.target, closeRequest, body, closeMaxMs);
  }
}

/** Asks `target` to check, and to open itself unless the way is plain. Errors: the target's, `bad-answer`. */
export async function askTarget(
  options: Readonly<{ network: Pick<PeerNetwork, 'request'>; prepareMs?: number }>,
  target: HostId,
  body: Json,
): Promise<Result<PrepareAnswer>> {
  const timeoutMs = options.prepareMs ?? prepareDefaultMs;
  const answer = await options.network.request(target, prepareRequest, body, timeoutMs);
  if (!answer.ok) return answer;
  const parsed = prepareAnswer.safeParse(answer.value);
  if (parsed.success) return success(parsed.data);
  return failure('bad-answer', `Host ${target} answered ${prepareRequest} with something else.`);
}
