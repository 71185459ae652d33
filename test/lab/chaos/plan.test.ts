import { describe, expect, test } from 'vitest';
import { parseOptions } from './options.ts';
import {
  type Fault,
  faultKinds,
  isLong,
  longestMs,
  planFaults,
  planLoad,
  settleMs,
} from './plan.ts';

const hosts = ['h1', 'h2', 'h3', 'h4'];
const guests = ['vm1', 'vm2', 'vm3', 'vm4', 'vm5', 'vm6'];

/** Half an hour on as few hosts as may be, and on as many as usual, from many seeds. */
function manyPlans() {
  return [2, 3, 5].flatMap((count) =>
    Array.from({ length: 200 }, (_, seed) => {
      const some = Array.from({ length: count }, (_, index) => `h${index + 1}`);
      return { hosts: count, faults: planFaults({ seed, minutes: 30, hosts: some }) };
    }),
  );
}

describe('a plan of faults', () => {
  const plan = planFaults({ seed: 7, minutes: 60, hosts });

  test('the same seed plans the same, another seed something else', () => {
    expect(planFaults({ seed: 7, minutes: 60, hosts })).toEqual(plan);
    expect(planFaults({ seed: 8, minutes: 60, hosts })).not.toEqual(plan);
  });

  test('within an hour every kind has its turn, in time and aimed at a migration', () => {
    expect(new Set(plan.map(({ kind }) => kind))).toEqual(new Set(faultKinds));
    expect(plan.some(({ moment }) => moment === null)).toBe(true);
    for (const moment of ['arriving', 'transfer', 'stopped', 'resumed'])
      expect(plan.map((fault) => fault.moment)).toContain(moment);
  });

  test('faults come in order, within the time, on known hosts, and no cut outlasts what TCP bears', () => {
    let last = 0;
    for (const { atMs, kind, host, forMs } of plan) {
      expect(atMs).toBeGreaterThanOrEqual(last);
      expect(atMs).toBeLessThan(60 * 60_000);
      expect(hosts).toContain(host);
      expect(forMs).toBeLessThanOrEqual(longestMs(kind));
      if (kind.startsWith('uplink-cut')) expect(forMs).toBeLessThanOrEqual(55_000);
      last = atMs;
    }
  });

  test('every round has its calm end', () => {
    expect(plan.filter(({ atMs }) => atMs % 240_000 >= 200_000)).toEqual([]);
  });

  test('what lasts longer than TCP bears has its host for itself, and no other such thing beside it', () => {
    const overlap = (one: Fault, other: Fault) =>
      one.atMs < other.atMs + other.forMs + settleMs &&
      other.atMs < one.atMs + one.forMs + settleMs;
    for (const { faults } of manyPlans()) {
      for (const long of faults.filter(({ kind }) => isLong(kind))) {
        const beside = faults.filter((fault) => fault !== long && overlap(fault, long));
        expect(beside.filter(({ host }) => host === long.host)).toEqual([]);
        expect(beside.filter(({ kind }) => isLong(kind))).toEqual([]);
      }
    }
  });

  test('what lasts longer than TCP bears is aimed only at moments when the guest runs, and comes at once', () => {
    const long = manyPlans().flatMap(({ faults }) => faults.filter(({ kind }) => isLong(kind)));
    expect(new Set(long.map(({ kind }) => kind))).toEqual(
      new Set(['host-frozen-beyond-leases', 'management-cut']),
    );
    expect(new Set(long.map(({ moment }) => moment))).toEqual(
      new Set([null, 'arriving', 'resumed']),
    );
    expect(long.filter(({ delayMs }) => delayMs !== 0)).toEqual([]);
  });

  test('that costs no faults: as many as there is time for, and long ones among them', () => {
    for (const { hosts: count, faults } of manyPlans()) {
      // 30 minutes, less their calm parts, at 7 to 20 s.
      expect(faults.length, `${count} hosts`).toBeGreaterThan(100);
      expect(faults.filter(({ kind }) => isLong(kind)).length).toBeGreaterThanOrEqual(2);
    }
  });
});

describe('a plan of load', () => {
  test('every guest has three partners, one of them loud at a time, and never the same twice running', () => {
    const { pairs, shifts } = planLoad(3, 10, guests);
    for (const guest of guests)
      expect(pairs.filter(({ a, b }) => a === guest || b === guest)).toHaveLength(3);
    let before = '';
    for (const { loud } of shifts) {
      expect(loud.flatMap(({ a, b }) => [a, b]).toSorted()).toEqual(guests);
      const now = loud.map(({ a, b }) => `${a}-${b}`).join();
      expect(now).not.toBe(before);
      before = now;
    }
    expect(shifts.length).toBeGreaterThan(10);
  });

  test('one of an odd number rests, and two guests have each other', () => {
    const { shifts } = planLoad(3, 1, guests.slice(0, 5));
    expect(shifts[0]?.loud).toHaveLength(2);
    expect(planLoad(1, 1, ['a', 'b']).pairs).toEqual([{ a: 'a', b: 'b' }]);
  });
});

describe('the command line', () => {
  const parse = (...argv: string[]) => parseOptions(argv, () => 42);

  test('has defaults, and a drawn seed', () => {
    expect(parse()).toMatchObject({
      ok: true,
      options: { name: 'chaos', seed: 42, minutes: 30, output: '.lab/chaos-42', json: false },
    });
  });

  test('says of every wrong value what and where, all at once', () => {
    const parsed = parse('--minutes', 'ten', '--hosts', '1', '--seed=-1', '--name', 'No!');
    expect(parsed).toEqual({
      ok: false,
      help: false,
      problems: [
        "--seed takes a whole number from 0 to 4294967295, not '-1'",
        "--minutes takes a number from 0.1 to 10080, not 'ten'",
        "--hosts takes a whole number from 2 to 32, not '1'",
        "--name takes at most 24 of a-z, 0-9 and -, a letter first, not 'No!'",
      ],
    });
    expect(parse('--minuets', '5')).toMatchObject({
      ok: false,
      problems: [expect.stringContaining('minuets')],
    });
  });
});
