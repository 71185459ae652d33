import { describe, expect, test } from 'vitest';
import { type Force, whyNotNow } from './gate.ts';
import { parseOptions } from './options.ts';
import { faultKinds, longestMs, planFaults, planLoad } from './plan.ts';

const hosts = ['h1', 'h2', 'h3', 'h4'];
const guests = ['vm1', 'vm2', 'vm3', 'vm4', 'vm5', 'vm6'];

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

describe('the gate', () => {
  const force = (over: Partial<Force>): Force => ({
    kind: 'agent-killed',
    host: 'h1',
    beganAtMs: 0,
    endedAtMs: null,
    ...over,
  });

  test('a host whose processes are broken is not broken once more the same way', () => {
    expect(whyNotNow('host-frozen', 'h1', [force({})], 10)).toMatch(/agent-killed is in force/);
    expect(whyNotNow('uplink-cut', 'h1', [force({})], 10)).toBeNull();
    expect(whyNotNow('host-frozen', 'h2', [force({})], 10)).toBeNull();
    expect(whyNotNow('host-frozen', 'h1', [force({ endedAtMs: 5 })], 10)).toBeNull();
  });

  test('the other hosts go on trading', () => {
    const two = [force({}), force({ host: 'h2' })];
    expect(whyNotNow('agent-killed', 'h3', two, 10)).toMatch(/enough hosts/);
    const three = [...two, force({ host: 'h2', kind: 'agent-disk-full' })];
    expect(whyNotNow('libvirt-disk-full', 'h1', three, 10)).toMatch(/enough is broken/);
    const away = [force({ kind: 'management-cut' })];
    expect(whyNotNow('host-frozen-beyond-leases', 'h2', away, 10)).toMatch(/away for long/);
  });

  test('a path that was gone is not taken again before TCP has come round', () => {
    const cut = force({ kind: 'uplink-cut', beganAtMs: 0, endedAtMs: 10_000 });
    expect(whyNotNow('uplink-cut', 'h2', [cut], 30_000)).toMatch(/recover from uplink-cut on h1/);
    expect(whyNotNow('uplink-cut', 'h2', [cut], 35_000)).toBeNull();
    expect(whyNotNow('agent-killed', 'h1', [cut], 10_001)).toBeNull();
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
