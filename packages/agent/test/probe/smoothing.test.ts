import fc from 'fast-check';
import { expect, test } from 'vitest';
import { added, smooth, unbiased } from '../../src/probe/smoothing.ts';

const timeConstantMs = 60_000;
const rate = fc.double({ min: 0, max: 1e11, noNaN: true });
const intervalMs = fc.double({ min: 1, max: 600_000, noNaN: true });

test('cutting an interval of one rate into pieces changes nothing', () => {
  fc.assert(
    fc.property(
      rate,
      rate,
      fc.array(intervalMs, { minLength: 1, maxLength: 20 }),
      (start, x, pieces) => {
        const whole = smooth(
          start,
          x,
          pieces.reduce((a, b) => a + b, 0),
          timeConstantMs,
        );
        const cut = pieces.reduce(
          (average, piece) => smooth(average, x, piece, timeConstantMs),
          start,
        );
        expect(Math.abs(cut - whole)).toBeLessThanOrEqual(1e-9 * Math.max(1, start, x));
      },
    ),
  );
});

test('a steady rate is known exactly from the first interval on', () => {
  fc.assert(
    fc.property(rate, fc.array(intervalMs, { minLength: 1, maxLength: 20 }), (x, intervals) => {
      let average = 0;
      let observedMs = 0;
      for (const each of intervals) {
        average = smooth(average, x, each, timeConstantMs);
        observedMs += each;
        const estimate = unbiased(average, observedMs, timeConstantMs);
        expect(Math.abs(estimate - x)).toBeLessThanOrEqual(1e-6 * Math.max(1, x));
      }
    }),
  );
});

test('an estimate stays between the least and the greatest rate seen', () => {
  const readings = fc.array(fc.tuple(rate, intervalMs), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(readings, (seen) => {
      let average = 0;
      let observedMs = 0;
      for (const [x, each] of seen) {
        average = smooth(average, x, each, timeConstantMs);
        observedMs += each;
      }
      const rates = seen.map(([x]) => x);
      const estimate = unbiased(average, observedMs, timeConstantMs);
      expect(estimate).toBeGreaterThanOrEqual(Math.min(...rates) * (1 - 1e-6) - 1e-6);
      expect(estimate).toBeLessThanOrEqual(Math.max(...rates) * (1 + 1e-6) + 1e-6);
    }),
  );
});

test('after a change, 63 % of it is seen one time constant later', () => {
  const before = 1e6;
  const after = 5e6;
  const seen = smooth(before, after, timeConstantMs, timeConstantMs);
  expect((seen - before) / (after - before)).toBeCloseTo(1 - Math.exp(-1), 12);
});

test('nothing observed says nothing', () => {
  expect(unbiased(0, 0, timeConstantMs)).toBe(0);
  expect(smooth(7, 1000, 0, timeConstantMs)).toBe(7);
});

test('a counter that fell began again, and one that is new counts from 0', () => {
  expect(added(100, 150)).toBe(50);
  expect(added(100, 30)).toBe(30);
  expect(added(undefined, 30)).toBe(30);
});
