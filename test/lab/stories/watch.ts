/**
 * Watches where every guest runs while a story goes on, by asking the libvirtds, and keeps what must never be:
 * a guest on two hosts, or on none.
 */

import type { Lab } from '../lab.ts';
import { until } from '../process.ts';
import type { Copy } from '../status.ts';

/**
 * The hosts are asked one after the other in no order, so a guest that changes hosts between two answers
 * may look doubled or missing once. It cannot look so for this long.
 */
const toleranceMs = 4_000;
const everyMs = 700;

export class Watch {
  readonly #lab: Lab;
  /** Guests that are off on purpose. */
  readonly #off = new Set<string>();
  readonly #wrongSince = new Map<string, number>();
  readonly #problems: string[] = [];
  #timer: NodeJS.Timeout | undefined;
  #look: Promise<void> = Promise.resolve();
  #ended = false;
  #looks = 0;

  constructor(lab: Lab) {
    this.#lab = lab;
    this.#next();
  }

  /** From now on a guest may be off, but still never on two hosts. */
  mayBeOff(guest: string): void {
    this.#off.add(guest);
  }

  /** Ends the watch and returns what was wrong. */
  async end(): Promise<readonly string[]> {
    await until('the watch to look', () => this.#looks > 0, 30_000);
    this.#ended = true;
    clearTimeout(this.#timer);
    await this.#look;
    return this.#problems;
  }

  #next(): void {
    if (this.#ended) return;
    this.#look = this.#lab.places().then((places) => {
      this.#looks += 1;
      const now = performance.now();
      for (const [guest, copies] of places) this.#judge(guest, copies, now);
      if (!this.#ended) this.#timer = setTimeout(() => this.#next(), everyMs);
    });
  }

  #judge(guest: string, copies: readonly Copy[], now: number): void {
    const running = copies.filter(({ state }) => state === 'running').length;
    if (running === 1 || (running === 0 && this.#off.has(guest))) {
      this.#wrongSince.delete(guest);
      return;
    }
    const since = this.#wrongSince.get(guest) ?? now;
    this.#wrongSince.set(guest, since);
    if (now - since < toleranceMs) return;
    const where = copies.map(({ host, state }) => `${host}: ${state}`).join(', ') || 'nowhere';
    this.#problems.push(`${guest} runs on ${running} hosts (${where})`);
    this.#wrongSince.set(guest, Number.POSITIVE_INFINITY);
  }
}
