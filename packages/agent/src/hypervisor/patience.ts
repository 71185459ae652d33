/**
 * How long a migration may take, and how much downtime it gets: as little as will do. Pure; time and
 * readings come in.
 *
 * Allowed downtime grows pass by pass, as oVirt does it (100, 150, 200, 300, 400, 500 ms), up to the
 * configured most. A migration without progress for 150 s, or longer than 150 s for each GiB, is given
 * up (KubeVirt's values).
 */

const downtimeSteps = [100, 150, 200, 300, 400, 500] as const;
const stalledMsMax = 150_000;
const msPerGib = 150_000;
const gib = 1024 ** 3;

export type Reading = Readonly<{
  atMs: number;
  /** null while QEMU says nothing; time passes all the same. */
  memory: Readonly<{ bytesRemaining: number; iteration: number }> | null;
}>;

export type Verdict =
  | Readonly<{ kind: 'go-on' }>
  | Readonly<{ kind: 'allow-downtime'; downtimeMs: number }>
  | Readonly<{ kind: 'give-up'; code: 'no-progress' | 'too-slow'; detail: string }>;

/** The allowed downtimes, least first; the last is the configured most. */
export function downtimeLadder(downtimeMaxMs: number): readonly number[] {
  const below = downtimeSteps.filter((step) => step < downtimeMaxMs);
  return [...below, downtimeMaxMs];
}

export class Patience {
  readonly #ladder: readonly number[];
  readonly #budgetMs: number;
  readonly #startedAtMs: number;
  #leastRemaining = Number.POSITIVE_INFINITY;
  #leastPass = Number.POSITIVE_INFINITY;
  #progressAtMs: number;
  #iteration = 0;
  /** How many steps of the ladder were taken. */
  #steps = 0;

  constructor(
    options: Readonly<{ startedAtMs: number; memoryBytes: number; downtimeMaxMs: number }>,
  ) {
    this.#startedAtMs = options.startedAtMs;
    this.#progressAtMs = options.startedAtMs;
    this.#ladder = downtimeLadder(options.downtimeMaxMs);
    this.#budgetMs = budgetMs(options.memoryBytes);
  }

  judge(reading: Reading): Verdict {
    const { atMs, memory } = reading;
    if (memory !== null) this.#measure(atMs, memory.bytesRemaining, memory.iteration);
    const stalledMs = atMs - this.#progressAtMs;
    if (stalledMs >= stalledMsMax) {
      const detail = `no progress for ${Math.round(stalledMs / 1000)} s: the guest writes its memory faster than it can be sent`;
      return { kind: 'give-up', code: 'no-progress', detail };
    }
    const elapsedMs = atMs - this.#startedAtMs;
    if (elapsedMs >= this.#budgetMs) {
      const detail = `not done after ${Math.round(elapsedMs / 1000)} s, which is 150 s for each GiB`;
      return { kind: 'give-up', code: 'too-slow', detail };
    }
    return memory === null ? { kind: 'go-on' } : this.#allowDowntime(memory.iteration);
  }

  #measure(atMs: number, bytesRemaining: number, iteration: number): void {
    // Each pass ends near 0 and the next begins with what was written meanwhile. A pass that begins with
    // less than any before it converges, so what remains of it is measured anew.
    if (iteration > this.#iteration && bytesRemaining < this.#leastPass) {
      this.#leastPass = bytesRemaining;
      this.#leastRemaining = Number.POSITIVE_INFINITY;
    }
    if (bytesRemaining < this.#leastRemaining) {
      this.#leastRemaining = bytesRemaining;
      this.#progressAtMs = atMs;
    }
  }

  /** The first step at once; then one step for each pass after the first that did not suffice. */
  #allowDowntime(iteration: number): Verdict {
    const due = this.#steps === 0 || (iteration > this.#iteration && iteration > 2);
    this.#iteration = Math.max(this.#iteration, iteration);
    const downtimeMs = this.#ladder[this.#steps];
    if (!due || downtimeMs === undefined) return { kind: 'go-on' };
    this.#steps += 1;
    return { kind: 'allow-downtime', downtimeMs };
  }
}

/** At least as long as for one GiB: small guests too have to wait for libvirt. */
export function budgetMs(memoryBytes: number): number {
  return Math.max(1, memoryBytes / gib) * msPerGib;
}
