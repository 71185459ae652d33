/** What every `Clock` and every `Random` must do, real or simulated. */

import type { Clock, Random } from '@barter/core';
import { describe, expect, it } from 'vitest';

/** `pass` lets at least `ms` milliseconds go by; `setWall` sets the machine's clock by so much. */
export function clockContract(
  name: string,
  setup: () => Readonly<{
    clock: Clock;
    pass(ms: number): Promise<void>;
    setWall?(byMs: number): void;
  }>,
): void {
  describe(`clock: ${name}`, () => {
    it('tells whole or part milliseconds as a finite number', () => {
      const { clock } = setup();
      expect(Number.isFinite(clock.nowMs())).toBe(true);
    });

    it('goes on by about what has passed', async () => {
      const { clock, pass } = setup();
      const before = clock.nowMs();
      await pass(20);
      // A real clock may be read a moment late, never early by more than its own grain.
      expect(clock.nowMs() - before).toBeGreaterThanOrEqual(19);
    });

    it.each([3_600_000, -3_600_000])(
      'neither jumps nor stands still when the machine is set by %i ms',
      async (byMs) => {
        const { clock, pass, setWall } = setup();
        if (setWall === undefined) return;
        const before = clock.nowMs();
        setWall(byMs);
        const passedMs = () => clock.nowMs() - before;
        expect(passedMs()).toBeGreaterThanOrEqual(0);
        await pass(20);
        expect(passedMs()).toBeGreaterThanOrEqual(19);
        // As long as a busy machine may make us wait.
        expect(passedMs()).toBeLessThan(60_000);
      },
    );
  });
}

export function randomContract(name: string, setup: () => Random): void {
  describe(`random: ${name}`, () => {
    it('stays in [0, 1)', () => {
      const random = setup();
      for (let draw = 0; draw < 10_000; draw++) {
        const value = random.next();
        expect(value >= 0 && value < 1, `draw ${draw} gave ${value}`).toBe(true);
      }
    });

    it('fills the range evenly', () => {
      const random = setup();
      const draws = 20_000;
      const buckets = new Array<number>(10).fill(0);
      for (let draw = 0; draw < draws; draw++) {
        const bucket = Math.floor(random.next() * buckets.length);
        buckets[bucket] = (buckets[bucket] ?? 0) + 1;
      }
      // Eight standard deviations: a fair source fails this once in 10¹⁴ runs.
      const fair = draws / buckets.length;
      const slack = 8 * Math.sqrt(fair * (1 - 1 / buckets.length));
      for (const count of buckets) expect(Math.abs(count - fair)).toBeLessThan(slack);
    });

    it('does not repeat itself from one draw to the next', () => {
      const random = setup();
      const values = Array.from({ length: 1000 }, () => random.next());
      expect(new Set(values).size).toBeGreaterThan(990);
    });
  });
}
