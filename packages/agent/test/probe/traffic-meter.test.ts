import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Counters, PairCount } from '../../src/probe/counters.ts';
import { TrafficMeter } from '../../src/probe/traffic-meter.ts';

const a = '02:00:00:00:00:0a';
const b = '02:00:00:00:00:0b';
const c = '02:00:00:00:00:0c';
const smoothingMs = 60_000;

function counters(
  pairs: readonly [string, string, number][],
  more: Partial<Counters> = {},
): Counters {
  const list: PairCount[] = pairs.map(([from, to, bytes]) => ({ from, to, bytes }));
  return { epoch: 'table 1', pairs: list, lostBytes: 0, ...more };
}

function rateOf(reading: ReturnType<TrafficMeter['read']>, x: string, y: string): number {
  const rates = reading.rates.filter((r) => [r.a, r.b].includes(x) && [r.a, r.b].includes(y));
  expect(rates.length).toBeLessThanOrEqual(1);
  return rates[0]?.bitsPerSecond ?? 0;
}

test('the first reading only sets the baseline, whatever the counters show', () => {
  const meter = new TrafficMeter(smoothingMs);
  const first = meter.read(counters([[a, b, 1e9]]), new Set([a]), 0);
  expect(first).toMatchObject({ rates: [], measured: false, problems: [] });
  expect(rateOf(meter.read(counters([[a, b, 1e9]]), new Set([a]), 5000), a, b)).toBe(0);
});

test('both directions add up, in bits per second', () => {
  const meter = new TrafficMeter(smoothingMs);
  meter.read(counters([[a, b, 100]]), new Set([a]), 0);
  const reading = meter.read(
    counters([
      [a, b, 100 + 5000],
      [b, a, 2500],
    ]),
    new Set([a]),
    5000,
  );
  // 7,500 bytes in 5 s; the second direction appeared after the baseline, so it counts from 0.
  expect(rateOf(reading, a, b)).toBeCloseTo(12_000, 6);
});

test('measured after a whole smoothing window', () => {
  const meter = new TrafficMeter(smoothingMs);
  const measured = [0, 30_000, 59_999, 60_000].map(
    (nowMs) => meter.read(counters([]), new Set([a]), nowMs).measured,
  );
  expect(measured).toEqual([false, false, false, true]);
});

test('multicast, broadcast and pairs without a local address are not counted', () => {
  const meter = new TrafficMeter(smoothingMs);
  meter.read(counters([]), new Set([a]), 0);
  const seen = counters([
    [a, 'ff:ff:ff:ff:ff:ff', 1e6],
    [a, '33:33:00:00:00:01', 1e6],
    ['01:80:c2:00:00:00', a, 1e6],
    [b, c, 1e6],
  ]);
  expect(meter.read(seen, new Set([a]), 5000).rates).toEqual([]);
});

test('a counter that expired and came back counts from 0 again', () => {
  const meter = new TrafficMeter(smoothingMs);
  meter.read(counters([[a, b, 8000]]), new Set([a]), 0);
  meter.read(counters([]), new Set([a]), 10_000);
  const back = meter.read(counters([[a, b, 1000]]), new Set([a]), 20_000);
  const steady = new TrafficMeter(smoothingMs);
  steady.read(counters([]), new Set([a]), 0);
  steady.read(counters([]), new Set([a]), 10_000);
  expect(back.rates).toEqual(steady.read(counters([[a, b, 1000]]), new Set([a]), 20_000).rates);
  // Fallen without having been away: someone reset it.
  const reset = meter.read(counters([[a, b, 400]]), new Set([a]), 30_000);
  const same = steady.read(counters([[a, b, 1400]]), new Set([a]), 30_000);
  expect(reset.rates).toEqual(same.rates);
});

test('a domain that just arrived is not taken for idle, and its past elsewhere is not counted', () => {
  const meter = new TrafficMeter(smoothingMs);
  for (let nowMs = 0; nowMs <= 120_000; nowMs += 5000)
    meter.read(counters([[b, c, nowMs * 125]]), new Set([a]), nowMs);
  // b arrives; the pair b–c goes on at 1 Mbit/s, as before.
  meter.read(counters([[b, c, 125_000 * 125]]), new Set([a, b]), 125_000);
  const reading = meter.read(counters([[b, c, 130_000 * 125]]), new Set([a, b]), 130_000);
  expect(rateOf(reading, b, c)).toBeCloseTo(1e6, 3);
  expect(reading.watched).toEqual([
    { address: a, forMs: 130_000 },
    { address: b, forMs: 5000 },
  ]);
});

test('a pair keeps its average when the partner arrives and the first of the two leaves', () => {
  const meter = new TrafficMeter(smoothingMs);
  const at = (nowMs: number, local: string[]) =>
    rateOf(meter.read(counters([[a, b, nowMs * 125]]), new Set(local), nowMs), a, b);
  for (let nowMs = 0; nowMs <= 300_000; nowMs += 5000) at(nowMs, [a]);
  expect(at(305_000, [a, b])).toBeCloseTo(1e6, 3);
  expect(at(310_000, [b])).toBeCloseTo(1e6, 3);
  expect(at(315_000, [b])).toBeCloseTo(1e6, 3);
  expect(at(320_000, [])).toBe(0);
});

test('what was lost is said, and measured only a window later', () => {
  const meter = new TrafficMeter(smoothingMs);
  const read = (nowMs: number, more: Partial<Counters> = {}) =>
    meter.read(counters([], { lostBytes: 100, ...more }), new Set([a]), nowMs);
  read(0);
  expect(read(60_000).measured).toBe(true);
  const lost = read(65_000, { lostBytes: 164, full: 'The pair set is full.' });
  expect(lost.measured).toBe(false);
  expect(lost.problems).toEqual([
    '64 bytes of traffic could not be counted: the pair set was full.',
    'The pair set is full.',
  ]);
  expect(read(70_000, { lostBytes: 164 })).toMatchObject({ measured: false, problems: [] });
  expect(read(125_000, { lostBytes: 164 }).measured).toBe(true);
});

test('counters that were put in place anew lose nothing that was known, and are not complete', () => {
  const meter = new TrafficMeter(smoothingMs);
  for (let nowMs = 0; nowMs <= 300_000; nowMs += 5000)
    meter.read(counters([[a, b, nowMs * 125]]), new Set([a]), nowMs);
  const next = meter.read(
    counters([[a, b, 5000 * 125]], { epoch: 'table 2', lostBytes: 0 }),
    new Set([a]),
    305_000,
  );
  expect(rateOf(next, a, b)).toBeCloseTo(1e6, 3);
  expect(next.measured).toBe(false);
});

test('a meter that goes on from a kept state reads what one without a break would have read', () => {
  const steps = fc.array(
    fc.record({
      afterMs: fc.integer({ min: 1, max: 30_000 }),
      bytes: fc.nat(1e9),
      restart: fc.boolean(),
    }),
    { minLength: 1, maxLength: 20 },
  );
  fc.assert(
    fc.property(steps, (all) => {
      let broken = new TrafficMeter(smoothingMs);
      const whole = new TrafficMeter(smoothingMs);
      let nowMs = 0;
      let bytes = 0;
      for (const step of [{ afterMs: 0, bytes: 0, restart: false }, ...all]) {
        nowMs += step.afterMs;
        bytes += step.bytes;
        if (step.restart && broken.state !== undefined)
          broken = new TrafficMeter(smoothingMs, JSON.parse(JSON.stringify(broken.state)));
        const now = counters([[a, b, bytes]]);
        expect(broken.read(now, new Set([a]), nowMs)).toEqual(whole.read(now, new Set([a]), nowMs));
      }
    }),
  );
});

test('two readings at the same moment do not divide by zero', () => {
  const meter = new TrafficMeter(smoothingMs);
  meter.read(counters([]), new Set([a]), 0);
  meter.read(counters([[a, b, 500]]), new Set([a]), 0);
  expect(rateOf(meter.read(counters([[a, b, 1000]]), new Set([a]), 1000), a, b)).toBeCloseTo(
    8000,
    6,
  );
});
