/** Carries a plan of faults out: waits for each one's time and moment, asks the gate, does it, and ends it. */

import { inflict, moversOf, type Undo, type World } from './faults.ts';
import { type Force, whyNotNow } from './gate.ts';
import type { Fault, FaultKind, Moment } from './plan.ts';
import type { Migration, MomentNews, QemuWatch } from './watch.ts';

/** What became of a planned fault. */
export type Done = {
  readonly fault: Fault;
  readonly host: string;
  /** The migration it was aimed at and met; null when it came at its time only. */
  readonly met: Readonly<{ moment: Moment; migration: Migration }> | null;
  readonly beganAtMs: number;
  endedAtMs: number | null;
};

/** What the storm breaks, and what tells it whose migrations are open. */
export type StormWorld = World & Readonly<{ watch: QemuWatch }>;

export type Skipped = Readonly<{ fault: Fault; why: string }>;

/** An aimed fault that met no migration for so long comes unaimed. */
const aimPatienceMs = 75_000;
/** What may not happen yet is tried for so long. */
const gatePatienceMs = 90_000;
const tickMs = 50;

type Waiting = { readonly fault: Fault; readonly sinceMs: number };

export class Storm {
  readonly done: Done[] = [];
  readonly skipped: Skipped[] = [];
  readonly #world: StormWorld;
  readonly #say: (line: string) => void;
  readonly #plan: Fault[];
  readonly #startedAtMs = Date.now();
  readonly #waiting = new Set<Waiting>();
  readonly #undos = new Map<Done, Undo>();
  readonly #jobs = new Set<Promise<void>>();
  readonly #timer: NodeJS.Timeout;
  #ended = false;

  constructor(world: StormWorld, plan: readonly Fault[], say: (line: string) => void) {
    this.#world = world;
    this.#plan = [...plan];
    this.#say = say;
    this.#timer = setInterval(() => this.#tick(), tickMs);
  }

  /** Nothing new begins, and everything in force ends. */
  async end(): Promise<void> {
    clearInterval(this.#timer);
    this.#ended = true;
    const left = [...this.#plan, ...[...this.#waiting].map(({ fault }) => fault)];
    for (const fault of left) this.skipped.push({ fault, why: 'the run was over' });
    this.#plan.length = 0;
    this.#waiting.clear();
    await Promise.all(this.#jobs);
    for (const done of [...this.#undos.keys()]) await this.#finish(done);
  }

  /** A migration has come to a moment: the first fault that waits for it is aimed at it. */
  reached({ moment, migration }: MomentNews): void {
    for (const waiting of this.#waiting) {
      if (waiting.fault.moment !== moment) continue;
      const host = migration[waiting.fault.side];
      if (this.#whyNot(waiting.fault.kind, host, migration.guest) !== null) continue;
      this.#waiting.delete(waiting);
      const { fault } = waiting;
      const strike = () => this.#start(fault, host, { moment, migration });
      if (fault.delayMs === 0) strike();
      else setTimeout(strike, fault.delayMs);
      return;
    }
  }

  #whyNot(kind: FaultKind, host: string, guest: string | null): string | null {
    const known = this.done.map(
      ({ fault, host: hit, beganAtMs, endedAtMs }): Force => ({
        kind: fault.kind,
        host: hit,
        beganAtMs,
        endedAtMs,
      }),
    );
    const { unsettled } = this.#world.watch;
    return whyNotNow({ kind, host, guest }, { known, unsettled, nowMs: Date.now() });
  }

  #tick(): void {
    const nowMs = Date.now();
    while (this.#plan[0] && this.#plan[0].atMs <= nowMs - this.#startedAtMs) {
      const fault = this.#plan.shift() as Fault;
      this.#waiting.add({ fault, sinceMs: nowMs });
    }
    for (const waiting of this.#waiting) this.#consider(waiting, nowMs);
    for (const done of this.#undos.keys())
      if (nowMs >= done.beganAtMs + done.fault.forMs) this.#run(this.#finish(done));
  }

  #consider(waiting: Waiting, nowMs: number): void {
    const { fault, sinceMs } = waiting;
    if (fault.moment !== null && nowMs - sinceMs < aimPatienceMs) return;
    // A mover is there or it is not: its fault goes where one is.
    const host = fault.kind === 'mover-killed' ? this.#hostWithMover() : fault.host;
    const why = host === undefined ? 'no migration came' : this.#whyNot(fault.kind, host, null);
    if (host !== undefined && why === null) {
      this.#waiting.delete(waiting);
      this.#start(fault, host, null);
    } else if (nowMs - sinceMs > aimPatienceMs + gatePatienceMs) {
      this.#waiting.delete(waiting);
      this.skipped.push({ fault, why: why ?? '' });
    }
  }

  #hostWithMover(): string | undefined {
    const { lab } = this.#world;
    return lab.state.hosts.find(({ id }) => moversOf(lab, id).length > 0)?.id;
  }

  #start(fault: Fault, host: string, met: Done['met']): void {
    const guest = met?.migration.guest ?? null;
    const why = this.#ended ? 'the run was over' : this.#whyNot(fault.kind, host, guest);
    if (why !== null) {
      this.skipped.push({ fault, why });
      return;
    }
    const done: Done = { fault, host, met, beganAtMs: Date.now(), endedAtMs: null };
    this.done.push(done);
    const at = met
      ? `, ${met.migration.guest} ${met.moment} ${met.migration.source}→${met.migration.target}`
      : '';
    this.#say(
      `#${fault.id} ${fault.kind} on ${host} for ${(fault.forMs / 1000).toFixed(1)} s${at}`,
    );
    this.#run(this.#inflict(done));
  }

  async #inflict(done: Done): Promise<void> {
    const undo = await inflict(done.fault, done.host, this.#world).catch((error: unknown) =>
      error instanceof Error ? error.message : String(error),
    );
    if (typeof undo !== 'string') {
      this.#undos.set(done, undo);
      return;
    }
    this.done.splice(this.done.indexOf(done), 1);
    this.skipped.push({ fault: done.fault, why: undo });
    this.#say(`#${done.fault.id} ${done.fault.kind} on ${done.host}: ${undo}`);
  }

  async #finish(done: Done): Promise<void> {
    const undo = this.#undos.get(done);
    this.#undos.delete(done);
    await undo?.();
    done.endedAtMs ??= Date.now();
  }

  #run(job: Promise<void>): void {
    const kept = job.finally(() => this.#jobs.delete(kept));
    this.#jobs.add(kept);
  }
}
