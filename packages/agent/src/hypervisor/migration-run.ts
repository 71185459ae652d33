/**
 * One live migration out of this host, from the checks to its end.
 *
 *   checking ── path open ──▶ migrating ── libvirt says how it ended, or nobody does ──▶ ended
 *
 * The rules: it never rejects; it is bounded in time whatever hangs; and it says `stayed` only after
 * libvirt said that the domain runs here, `moved` only after libvirt said so.
 */

import type { Log, MigrationOrder, MigrationProgress, MigrationResult } from '@barter/core';
import {
  type DomainEvent,
  type DomainReference,
  isNotFound,
  type JobStatistics,
  type LibvirtClient,
  type LibvirtError,
  lifecycleDetail,
  lifecycleEvent,
  type Migration,
  type TypedParameters,
} from '@barter/libvirt';
import type { MigrationPath, OpenPath } from '../migration-path.ts';
import type { DepartureWay } from '../mover/departures.ts';
import { markAutostart } from './autostart.ts';
import { iterationOf, progressOf } from './job-progress.ts';
import { concludeFailure, concludeSuccess } from './migration-end.ts';
import { budgetMs, Patience, type Reading, type Verdict } from './patience.ts';
import { checkDeparture, type Departure } from './pre-checks.ts';
import { isMigratingOut } from './presence.ts';

export type MigrationSettings = Readonly<{
  /** null = unlimited. */
  bandwidthBytesPerSecond: number | null;
  downtimeMaxMs: number;
  /** How often the progress is asked for. */
  pollMs: number;
  /** How often libvirt is asked how a migration ended whose end nobody heard. */
  askEveryMs: number;
}>;

export type MigrationWorld = Readonly<{
  client: Pick<LibvirtClient, 'domains' | 'dedicated'>;
  path: MigrationPath;
  /** Whether libvirt waits for an answer that got lost, and whether anybody sees to it that it would. */
  way: Pick<DepartureWay, 'isHeld' | 'isGuarded'>;
  log: Log;
  settings: MigrationSettings;
  /** The agent is ending. */
  signal: AbortSignal;
}>;

/** libvirt's own end of a migration (Finish, Confirm) after the memory is sent, and some to spare. */
const endingMsMax = 60_000;
const callMsMax = 10_000;
const lostAnswer = 'the domain was sent, and the target’s answer got lost';
const guessed =
  'the domain was sent and runs here all the same: its mover died, so libvirt may have taken a lost answer for a no';

export class MigrationRun {
  readonly #world: MigrationWorld;
  readonly #order: MigrationOrder;
  readonly #onProgress: (progress: MigrationProgress) => void;
  readonly #startedAtMs = performance.now();
  /** Resolves when libvirt's answer to the migration is there. */
  readonly #answered = Promise.withResolvers<void>();
  readonly #completed = Promise.withResolvers<void>();
  /** Resolves when libvirt waits for an answer that got lost: it will not come to an end by itself. */
  readonly #heldUp = Promise.withResolvers<typeof lostAnswer>();
  #abort: Readonly<{ code: string; detail: string }> | undefined;
  #migrating: DomainReference | undefined;
  #hasAnswer = false;
  #statistics: TypedParameters = new Map();
  #leftHere = false;
  /** All memory was sent once: it stood still here, for the target to go on. */
  #stoppedHere = false;

  constructor(
    world: MigrationWorld,
    order: MigrationOrder,
    onProgress: (progress: MigrationProgress) => void,
  ) {
    this.#world = world;
    this.#order = order;
    this.#onProgress = onProgress;
  }

  async run(): Promise<MigrationResult> {
    const { client, path } = this.#world;
    const departure = await checkDeparture(client.domains, this.#order.domain);
    if (!departure.ok) return stayed(departure.code, departure.message);
    const opened = await path.open(this.#order, departure.value.facts);
    if (!opened.ok) return stayed(opened.code, opened.message);
    let isInDoubt = false;
    try {
      const result = await this.#migrate(departure.value, opened.value);
      isInDoubt = result.outcome === 'unknown';
      return result;
    } finally {
      // An agent that ends does not take a migration under way with it: the path ends by itself. Nor is it closed
      // while the end is in doubt: libvirt would take that for a failure and resume the domain.
      const isOurs = this.#migrating === undefined || !this.#world.signal.aborted;
      if (isOurs && !isInDoubt) {
        await opened.value.close().catch((error: unknown) => this.#say('path-not-closed', error));
      }
    }
  }

  /** Ends it as soon as libvirt lets it; its result then is `stayed`, unless it was over already. */
  async abort(code: string, detail: string): Promise<void> {
    this.#abort ??= { code, detail };
    await this.#abortJob();
  }

  /** What libvirtd tells about this domain meanwhile. */
  notice(event: DomainEvent): void {
    if (event.domain.uuid !== this.#order.domain) return;
    if (event.kind === 'job-completed') {
      this.#statistics = event.parameters;
      this.#completed.resolve();
    } else if (
      event.kind === 'lifecycle' &&
      event.event === lifecycleEvent.stopped &&
      event.detail === lifecycleDetail.stoppedMigrated
    ) {
      this.#leftHere = true;
    } else if (
      event.kind === 'lifecycle' &&
      event.event === lifecycleEvent.suspended &&
      event.detail === lifecycleDetail.suspendedMigrated
    ) {
      this.#stoppedHere = true;
    }
  }

  async #migrate(departure: Departure, path: OpenPath): Promise<MigrationResult> {
    const { client } = this.#world;
    if (this.#abort !== undefined) return stayed(this.#abort.code, this.#abort.detail);
    const waitedMs = this.#elapsedMs();
    if (waitedMs >= this.#order.leaseMs) {
      const detail = `The target kept room for ${this.#order.leaseMs} ms and the checks took ${Math.round(waitedMs)} ms.`;
      return stayed('expired', detail);
    }
    if (departure.persistent) {
      await markAutostart(client.domains, departure.domain).catch((error: unknown) =>
        this.#say('autostart-not-marked', error),
      );
    }
    this.#migrating = departure.domain;
    const watches = [this.#monitor(departure), this.#watchWay(departure)];
    const error = await Promise.race([this.#perform(departure, path), this.#heldUp.promise]);
    this.#hasAnswer = true;
    this.#answered.resolve();
    // Where the answer got lost, libvirt may let whoever asks it wait for the guest's QEMU.
    if (error !== lostAnswer) await Promise.all(watches);
    if (error === lostAnswer) return { outcome: 'unknown', detail: lostAnswer };
    return error === null ? this.#moved(departure) : this.#failed(departure, error);
  }

  /** Makes the call that lasts as long as the migration. null = libvirt says that it succeeded. */
  async #perform({ domain, flags, facts }: Departure, path: OpenPath): Promise<unknown> {
    const { client, settings } = this.#world;
    const migration = migrationOver(path, flags, settings.bandwidthBytesPerSecond);
    const timeoutMs = budgetMs(facts.memoryBytes) + endingMsMax;
    try {
      await client.dedicated((domains) => domains.migrate(domain, migration, { timeoutMs }));
      return null;
    } catch (error) {
      return error;
    }
  }

  async #monitor({ domain, facts }: Departure): Promise<void> {
    const { client, settings } = this.#world;
    const patience = new Patience({
      startedAtMs: performance.now(),
      memoryBytes: facts.memoryBytes,
      downtimeMaxMs: settings.downtimeMaxMs,
    });
    while (!this.#hasAnswer) {
      await this.#pause(settings.pollMs);
      if (this.#hasAnswer) return;
      const job = await client.domains
        .jobStatistics(domain, 0, { timeoutMs: callMsMax })
        .catch(() => undefined);
      if (this.#hasAnswer) return;
      // Asked for before libvirt had begun, or hung: asked for again until it has an effect.
      if (this.#abort !== undefined) await this.#abortJob();
      else await this.#heed(patience.judge(this.#read(job)), domain);
    }
  }

  /** Apart from the monitor, whose question libvirt may leave unanswered. */
  async #watchWay({ domain }: Departure): Promise<void> {
    while (!this.#hasAnswer) {
      await this.#pause(this.#world.settings.pollMs);
      if (!this.#hasAnswer && (await this.#world.way.isHeld(domain.uuid).catch(() => false)))
        this.#heldUp.resolve(lostAnswer);
    }
  }

  /** Keeps and reports what libvirt says; null while there is nothing to say. */
  #read(job: JobStatistics | undefined): Reading {
    const atMs = performance.now();
    if (job === undefined || !isMigratingOut(job)) return { atMs, memory: null };
    const progress = progressOf(this.#order, this.#elapsedMs(), job.parameters);
    // QEMU has not begun: what remains is not 0 but not known yet.
    if (progress.bytesTotal === 0) return { atMs, memory: null };
    this.#statistics = job.parameters;
    this.#onProgress(progress);
    const { bytesRemaining } = progress;
    return { atMs, memory: { bytesRemaining, iteration: iterationOf(job.parameters) } };
  }

  async #heed(verdict: Verdict, domain: DomainReference): Promise<void> {
    if (verdict.kind === 'allow-downtime') {
      await this.#world.client.domains
        .setMaxDowntime(domain, verdict.downtimeMs)
        .catch((error: unknown) => this.#say('downtime-not-set', error));
    } else if (verdict.kind === 'give-up') {
      await this.abort(verdict.code, `The migration was given up: ${verdict.detail}.`);
    }
  }

  /** libvirt may hang here: bounded, and without an error that anybody could act on. */
  async #abortJob(): Promise<void> {
    const domain = this.#migrating;
    if (domain === undefined) return;
    const { domains } = this.#world.client;
    try {
      const options = { timeoutMs: callMsMax };
      const job = await domains.jobStatistics(domain, 0, options);
      if (isMigratingOut(job)) await domains.abortJob(domain, options);
    } catch (error) {
      // With an answer on its way, there is nothing left to abort.
      if (!this.#hasAnswer && !isNotFound(error)) this.#say('abort-failed', error);
    }
  }

  async #moved(departure: Departure): Promise<MigrationResult> {
    const durationMs = this.#elapsedMs();
    // The final statistics come as an event, over the other connection: a moment later, if at all.
    await Promise.race([this.#completed.promise, pause(250)]);
    const problem = await concludeSuccess(this.#world.client, departure.domain);
    if (problem !== null) return { outcome: 'unknown', detail: problem };
    return this.#movedResult(durationMs);
  }

  async #failed(departure: Departure, error: unknown): Promise<MigrationResult> {
    const { client, log } = this.#world;
    const durationMs = this.#elapsedMs();
    const overMs = budgetMs(departure.facts.memoryBytes) + endingMsMax;
    const end = await concludeFailure(client, departure, error as LibvirtError, {
      askEveryMs: this.#world.settings.askEveryMs,
      signal: this.#world.signal,
      sawItLeave: () => this.#leftHere,
      isHeld: () => this.#world.way.isHeld(departure.domain.uuid),
      // libvirtd may have lost us and not the migration; it goes on for as long as it could have anyway.
      mayGoOn: () => this.#elapsedMs() < overMs && this.#abort === undefined,
      abort: () => this.#abortJob(),
    });
    switch (end.kind) {
      case 'left':
        log.log('warn', 'migration-end-unseen', `${departure.domain.name}: ${end.detail}`);
        return this.#movedResult(durationMs);
      case 'runs-here':
        if (await this.#isGuessed(departure))
          return { outcome: 'unknown', detail: guessed, guessed: true };
        return this.#abort === undefined
          ? stayed(end.code, end.detail)
          : stayed(this.#abort.code, this.#abort.detail);
      case 'unclear':
        return { outcome: 'unknown', detail: end.detail };
    }
  }

  /**
   * Everything was sent, the guest stood still, and then libvirt let it run on here: nobody but the mover keeps it from
   * taking a lost answer for a no, and the mover is gone. The target is to be asked, and nothing agreed on meanwhile.
   */
  async #isGuessed({ domain }: Departure): Promise<boolean> {
    return this.#stoppedHere && !(await this.#world.way.isGuarded(domain.uuid).catch(() => false));
  }

  #movedResult(durationMs: number): MigrationResult {
    const { bytesSent, downtimeMs } = progressOf(this.#order, durationMs, this.#statistics);
    const statistics = {
      bytes: bytesSent,
      durationMs: Math.round(durationMs),
      downtimeMs: Math.min(downtimeMs, Math.round(durationMs)),
    };
    return { outcome: 'moved', statistics };
  }

  #pause(milliseconds: number): Promise<void> {
    return Promise.race([this.#answered.promise, pause(milliseconds)]);
  }

  #elapsedMs(): number {
    return performance.now() - this.#startedAtMs;
  }

  #say(code: string, error: unknown): void {
    const detail = error instanceof Error ? error.message : String(error);
    const { settlement, domain } = this.#order;
    this.#world.log.log('warn', code, detail, { settlement, domain });
  }
}

/** libvirt counts bandwidth in whole MiB/s. */
function migrationOver(path: OpenPath, flags: number, bandwidth: number | null): Migration {
  const { destinationUri, migrateUri, disksUri } = path;
  const bandwidthMebibytesPerSecond =
    bandwidth === null ? 0 : Math.max(1, Math.floor(bandwidth / 1024 ** 2));
  return {
    destinationUri,
    flags,
    bandwidthMebibytesPerSecond,
    ...(migrateUri === undefined ? {} : { migrateUri }),
    ...(disksUri === undefined ? {} : { disksUri }),
  };
}

function stayed(code: string, detail: string): MigrationResult {
  return { outcome: 'stayed', code, detail };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
