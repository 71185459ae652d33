/**
 * Live migrations in a simulated world, from the check to the end.
 *
 *   begin ── check fails ──────────────▶ stayed
 *   begin ── copying ── switchover ────▶ moved          the domain runs at the source until the
 *            copying ── abort, fault ──▶ stayed         switchover, and from then on at the target
 *            copying ── libvirt lost ──▶ unknown        (cancelled: it stays, nobody saw it)
 *            switchover ── libvirt dies ──▶ see `hardship.ts`
 *            waiting ── the order comes ──▶ moved       everything is at the target, and nobody told it to run
 *            waiting ── refused, libvirt lost ──▶ stayed
 *
 * The target's memory is taken from the first byte on, the way QEMU does it: there is never more on
 * a host than it has, counting what is arriving.
 */

import type {
  MigrationProgress,
  MigrationResult,
  RefusalOutcome,
  SettlementId,
} from '@barter/core';
import type { Ground, Migration, WorldDomain, WorldHost } from './ground.ts';
import { leaveBehind } from './hardship.ts';
import { courseAt, planCourse } from './migration-course.ts';
import type { MigrationDone, MigrationFault, MigrationRequest } from './world-event.ts';

/** A migration gets at least this share of an uplink, however busy the guests keep it. */
const uplinkShareMin = 0.1;

export class MigrationDesk {
  readonly #world: Ground;
  readonly #downtimeMaxMs: number;
  readonly #faults: { fault: MigrationFault; domain: string | undefined }[] = [];
  readonly #running = new Set<Migration>();
  /** Settlements whose domains began to run at their targets. */
  readonly #handedOver = new Set<SettlementId>();

  constructor(world: Ground, downtimeMaxMs: number) {
    this.#world = world;
    this.#downtimeMaxMs = downtimeMaxMs;
  }

  failNext(fault: MigrationFault, domain: string | undefined): void {
    this.#faults.push({ fault, domain });
  }

  failNoMore(): void {
    this.#faults.length = 0;
  }

  begin(request: MigrationRequest, done: MigrationDone): void {
    const world = this.#world;
    const fault = this.#takeFault(request.domain);
    const refusal = this.#check(request, fault);
    if (refusal !== undefined) {
      done({ outcome: 'stayed', ...refusal });
      return;
    }

    const domain = world.domain(request.domain) as WorldDomain;
    const source = world.host(request.source);
    const target = world.host(request.target);
    const bandwidthBytesPerSecond = this.#bandwidth(source, target);
    const course = planCourse({
      memoryBytes: domain.memoryBytes,
      dirtyBytesPerSecond: domain.dirtyBytesPerSecond,
      bandwidthBytesPerSecond,
      downtimeMaxMs: this.#downtimeMaxMs,
    });
    const nowMs = world.nowMs();
    const fraction =
      fault?.kind === 'hang' || fault?.kind === 'broken' ? fault.fraction : undefined;
    const migration: Migration = {
      settlement: request.settlement,
      domain,
      source,
      target,
      course,
      startedAtMs: nowMs,
      bandwidthBytesPerSecond,
      stuckAtMs: fraction === undefined ? Infinity : nowMs + course.durationMs * fraction,
      done,
    };
    domain.migration = migration;
    target.arriving.add(domain);
    this.#running.add(migration);
    world.emit({
      kind: 'migration-started',
      atMs: nowMs,
      host: source.id,
      domain: domain.id,
      target: target.id,
    });
    if (fault?.kind === 'hang') return;
    world.at(Math.min(nowMs + course.durationMs, migration.stuckAtMs), () => {
      if (this.#running.has(migration)) this.#finish(migration, fault);
    });
  }

  /** Harmless when nothing is under way. */
  abort(hostId: string, domainId: string): void {
    const migration = this.#world.domain(domainId)?.migration;
    if (migration === undefined || migration.source.id !== hostId) return;
    this.#stay(migration, {
      outcome: 'stayed',
      code: 'aborted',
      detail: 'The migration was aborted.',
    });
  }

  /** The target's agent ends what arrives by this settlement, unless it runs already. */
  refuse(host: WorldHost, settlement: SettlementId, domainId: string): RefusalOutcome {
    const domain = this.#world.domain(domainId);
    if (domain === undefined) return 'refused';
    const { migration } = domain;
    const waiting = domain.waiting.get(host);
    if (waiting?.settlement === settlement) {
      this.#dropWaiting(waiting, 'The target refused it.');
      return 'refused';
    }
    if (migration?.target === host && migration.settlement === settlement) {
      const detail = `${host.id} refused it.`;
      this.#stay(migration, { outcome: 'stayed', code: 'refused', detail });
      return 'refused';
    }
    if (host.running.has(domain)) return 'running';
    return this.#handedOver.has(settlement) ? 'unclear' : 'refused';
  }

  /** The source's libvirt is gone: it cancels what it was sending, and its agent sees no end. */
  loseSight(host: WorldHost): void {
    for (const migration of [...this.#running]) {
      if (migration.source === host) {
        const detail = 'The connection to libvirt was lost during the migration.';
        this.#stay(migration, { outcome: 'unknown', detail });
      } else if (migration.target === host) {
        const detail = `Libvirt on ${host.id} went away during the migration.`;
        this.#stay(migration, { outcome: 'stayed', code: 'target-lost', detail });
      }
    }
    // Libvirt ends what had not begun to run when it comes back.
    for (const domain of [...host.arriving]) {
      const waiting = domain.waiting.get(host);
      if (waiting !== undefined) this.#dropWaiting(waiting, `Libvirt on ${host.id} went away.`);
    }
  }

  progress(migration: Migration): MigrationProgress {
    const nowMs = Math.min(this.#world.nowMs(), migration.stuckAtMs);
    const elapsedMs = nowMs - migration.startedAtMs;
    return {
      settlement: migration.settlement,
      domain: migration.domain.id,
      elapsedMs: this.#world.nowMs() - migration.startedAtMs,
      ...courseAt(migration.course, elapsedMs),
      bytesTotal: migration.domain.memoryBytes,
      bytesPerSecond:
        nowMs < this.#world.nowMs() ? 0 : Math.round(migration.bandwidthBytesPerSecond),
      downtimeMs: Math.round(migration.course.downtimeMs),
    };
  }

  #check(
    request: MigrationRequest,
    fault: MigrationFault | undefined,
  ): Readonly<{ code: string; detail: string }> | undefined {
    const world = this.#world;
    const refuse = (code: string, detail: string) => ({ code, detail });
    const domain = world.domain(request.domain);
    const source = world.host(request.source);
    if (!source.reachable) return refuse('unreachable', `Libvirt on ${source.id} does not answer.`);
    if (domain === undefined || !source.running.has(domain)) {
      return refuse('no-domain', `${request.domain} is not running on ${source.id}.`);
    }
    if (!world.hasHost(request.target)) {
      return refuse('no-target', `There is no host ${request.target}.`);
    }
    const target = world.host(request.target);
    if (target === source) return refuse('same-host', `${domain.id} runs on ${source.id} already.`);
    if (!target.reachable) return refuse('unreachable', `Libvirt on ${target.id} does not answer.`);
    if (domain.migration !== undefined) {
      return refuse('under-way', `${domain.id} is migrating already.`);
    }
    if (domain.waiting.has(target))
      return refuse('exists', `A copy of ${domain.id} waits on ${target.id} already.`);
    if (domain.blocked !== undefined) return refuse('blocked', domain.blocked);
    if (fault?.kind === 'refused') return refuse(fault.code, fault.detail);
    const used = [...target.running, ...target.arriving, ...target.paused].reduce(
      (sum, other) => sum + other.memoryBytes,
      domain.memoryBytes,
    );
    if (used > target.capacity.memoryTransientBytes) {
      return refuse(
        'no-memory',
        `${target.id} cannot allocate ${domain.memoryBytes} bytes for ${domain.id}.`,
      );
    }
    return undefined;
  }

  #finish(migration: Migration, fault: MigrationFault | undefined): void {
    const { course, domain, target } = migration;
    if (fault?.kind === 'broken') {
      this.#stay(migration, { outcome: 'stayed', code: 'failed', detail: fault.detail });
    } else if (fault?.kind === 'stayed-unseen') {
      this.#stay(migration, { outcome: 'unknown', detail: fault.detail });
    } else if (!course.converges) {
      this.#stay(migration, {
        outcome: 'stayed',
        code: 'not-converging',
        detail: `${domain.id} dirties memory faster than it can be sent to ${target.id}.`,
      });
    } else if (fault?.kind === 'libvirt-died') {
      this.#dieAtTheEnd(migration, fault);
    } else {
      this.#move(migration, fault?.kind === 'moved-unseen' ? fault.detail : undefined);
    }
  }

  #dieAtTheEnd(
    migration: Migration,
    { side, handedOver, waits, leaves }: MigrationFault & { kind: 'libvirt-died' },
  ): void {
    const { domain, source, target } = migration;
    const detail = `Libvirt on ${side === 'source' ? source.id : target.id} died at the end of the migration.`;
    const world = this.#world;
    if (handedOver) this.#move(migration, detail);
    else if (side === 'target')
      this.#stay(migration, { outcome: 'stayed', code: 'target-lost', detail });
    else if (waits !== undefined) this.#wait(migration, waits.orderAfterMs, detail);
    else this.#stay(migration, { outcome: 'unknown', detail });
    if (side === 'source' && handedOver && leaves === 'definition') source.shutOff.add(domain);
    else if (side === 'source') leaveBehind(world, domain, source);
    world.setReachable(side === 'source' ? source.id : target.id, false);
  }

  /** The source's libvirt died when all was sent: its order to run it is on the way, or was never given. */
  #wait(migration: Migration, orderAfterMs: number | null, detail: string): void {
    const { domain, target } = migration;
    this.#running.delete(migration);
    domain.migration = undefined;
    domain.waiting.set(target, migration);
    migration.done({ outcome: 'unknown', detail });
    if (orderAfterMs === null) return;
    this.#world.at(this.#world.nowMs() + orderAfterMs, () => {
      if (domain.waiting.get(target) !== migration) return;
      domain.waiting.delete(target);
      target.arriving.delete(domain);
      this.#handedOver.add(migration.settlement);
      this.#world.start(domain, target);
      this.#ended(migration, true, migration.course.bytes, 'moved late');
    });
  }

  #dropWaiting(migration: Migration, detail: string): void {
    migration.domain.waiting.delete(migration.target);
    migration.target.arriving.delete(migration.domain);
    this.#ended(migration, false, migration.course.bytes, detail);
  }

  #move(migration: Migration, unseen: string | undefined): void {
    const { course, domain, source, target } = migration;
    const world = this.#world;
    this.#running.delete(migration);
    domain.migration = undefined;
    this.#handedOver.add(migration.settlement);
    target.arriving.delete(domain);
    world.traffic.pausedFor(domain.index, course.downtimeMs, world.nowMs());
    world.stop(domain, source, true);
    world.start(domain, target);
    this.#ended(migration, true, course.bytes, 'moved');
    const statistics = {
      bytes: course.bytes,
      durationMs: Math.round(course.durationMs),
      downtimeMs: Math.round(course.downtimeMs),
    };
    migration.done(
      unseen === undefined
        ? { outcome: 'moved', statistics }
        : { outcome: 'unknown', detail: unseen },
    );
  }

  #stay(migration: Migration, result: Exclude<MigrationResult, { outcome: 'moved' }>): void {
    this.#running.delete(migration);
    migration.domain.migration = undefined;
    migration.target.arriving.delete(migration.domain);
    const { bytesSent } = courseAt(
      migration.course,
      Math.min(this.#world.nowMs(), migration.stuckAtMs) - migration.startedAtMs,
    );
    this.#ended(migration, false, bytesSent, result.detail);
    migration.done(result);
  }

  #ended(migration: Migration, moved: boolean, bytes: number, detail: string): void {
    this.#world.emit({
      kind: 'migration-ended',
      atMs: this.#world.nowMs(),
      host: migration.source.id,
      domain: migration.domain.id,
      target: migration.target.id,
      moved,
      bytes,
      durationMs: Math.round(this.#world.nowMs() - migration.startedAtMs),
      downtimeMs: moved ? Math.round(migration.course.downtimeMs) : 0,
      detail,
    });
  }

  /** What the guests leave of both uplinks, shared with the migrations that are under way there. */
  #bandwidth(source: WorldHost, target: WorldHost): number {
    const free = (host: WorldHost) => {
      const nic = host.capacity.nicBitsPerSecond;
      const left = Math.max(nic * uplinkShareMin, nic - this.#world.load(host.id).nicBitsPerSecond);
      let others = 0;
      for (const migration of this.#running) {
        if (migration.source === host || migration.target === host) others++;
      }
      return left / (others + 1);
    };
    return Math.min(free(source), free(target)) / 8;
  }

  #takeFault(domain: string): MigrationFault | undefined {
    const index = this.#faults.findIndex(
      (entry) => entry.domain === undefined || entry.domain === domain,
    );
    return index < 0 ? undefined : this.#faults.splice(index, 1)[0]?.fault;
  }
}
