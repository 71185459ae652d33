import { describe, expect, test } from 'vitest';
import { seeded } from '../random.ts';
import { type Force, handOverMs, type Scene, whyNotNow } from './gate.ts';
import type { Unsettled } from './lives.ts';
import { type FaultKind, faultKinds, isLong, longestMs, settleMs } from './plan.ts';

const force = (over: Partial<Force>): Force => ({
  kind: 'agent-killed',
  host: 'h1',
  beganAtMs: 0,
  endedAtMs: null,
  ...over,
});
const migrating = (over: Partial<Unsettled> = {}): Unsettled => ({
  guest: 'vm1',
  hosts: ['h1', 'h2'],
  stillSinceMs: null,
  ...over,
});

function why(kind: FaultKind, host: string, scene: Partial<Scene>, guest: string | null = null) {
  return whyNotNow({ kind, host, guest }, { known: [], unsettled: [], nowMs: 10, ...scene });
}

describe('the gate', () => {
  test('a host whose processes are broken is not broken once more the same way', () => {
    const known = [force({})];
    expect(why('host-frozen', 'h1', { known })).toMatch(/agent-killed is in force/);
    expect(why('uplink-cut', 'h1', { known })).toBeNull();
    expect(why('host-frozen', 'h2', { known })).toBeNull();
    expect(why('host-frozen', 'h1', { known: [force({ endedAtMs: 5 })] })).toBeNull();
  });

  test('the other hosts go on trading', () => {
    const two = [force({}), force({ host: 'h2' })];
    expect(why('agent-killed', 'h3', { known: two })).toMatch(/enough hosts/);
    const three = [...two, force({ host: 'h2', kind: 'agent-disk-full' })];
    expect(why('libvirt-disk-full', 'h1', { known: three })).toMatch(/enough is broken/);
    const away = [force({ kind: 'management-cut' })];
    expect(why('host-frozen-beyond-leases', 'h2', { known: away })).toMatch(/away for long/);
  });

  test('a path that was gone is not taken again before TCP has come round', () => {
    const known = [force({ kind: 'uplink-cut', beganAtMs: 0, endedAtMs: 10_000 })];
    expect(why('uplink-cut', 'h2', { known, nowMs: 30_000 })).toMatch(
      /recover from uplink-cut on h1/,
    );
    expect(why('uplink-cut', 'h2', { known, nowMs: 35_000 })).toBeNull();
    expect(why('agent-killed', 'h1', { known, nowMs: 10_001 })).toBeNull();
  });
});

describe('the gate, at a migration', () => {
  const long = 'host-frozen-beyond-leases';

  test('one fault meets a hand-over, a second one waits until it is decided', () => {
    const known = [force({ kind: 'uplink-cut-beyond-lease', host: 'h1' })];
    const unsettled = [migrating({ stillSinceMs: 400 })];
    const at = (host: string, nowMs: number) =>
      why('host-frozen', host, { known, unsettled, nowMs });
    expect(at('h1', 400 + handOverMs - 1)).toBeNull();
    expect(at('h1', 400 + handOverMs)).toMatch(/vm1 stands still/);
    expect(at('h2', 400 + handOverMs)).toMatch(/vm1 stands still/);
    expect(at('h3', 400 + handOverMs)).toBeNull();
  });

  test('what lasts longer than TCP bears meets no hand-over', () => {
    const still = [migrating({ stillSinceMs: 10 })];
    for (const kind of [long, 'management-cut'] as const) {
      expect(why(kind, 'h1', { unsettled: still }, 'vm1')).toMatch(/vm1 stands still/);
      expect(why(kind, 'h1', { unsettled: [migrating()] })).toMatch(/vm1 migrates there/);
      expect(why(kind, 'h2', { unsettled: [migrating()] }, 'vm2')).toMatch(/vm1 migrates there/);
      expect(why(kind, 'h2', { unsettled: [migrating()] }, 'vm1')).toBeNull();
      expect(why(kind, 'h3', { unsettled: still })).toBeNull();
    }
  });

  test('what lasts longer than TCP bears has its host for itself, and the other end of its migration', () => {
    const cut = force({ kind: 'uplink-cut', host: 'h1', endedAtMs: 100 });
    const unsettled = [migrating()];
    const during = { known: [{ ...cut, endedAtMs: null }] };
    const soonAfter = { known: [cut], nowMs: 99 + settleMs };
    for (const scene of [during, soonAfter]) {
      expect(why(long, 'h1', scene)).toMatch(/uplink-cut on h1 is in force/);
      expect(why(long, 'h2', scene)).toBeNull();
      expect(why(long, 'h2', { ...scene, unsettled }, 'vm1')).toMatch(/uplink-cut on h1/);
    }
    expect(why(long, 'h1', { known: [cut], nowMs: 100 + settleMs })).toBeNull();

    const frozen = force({ kind: long, host: 'h1' });
    expect(why('agent-disk-full', 'h1', { known: [frozen] })).toMatch(/beyond-leases on h1/);
    expect(why('agent-disk-full', 'h2', { known: [frozen] })).toBeNull();
    expect(why('agent-disk-full', 'h2', { known: [frozen], unsettled })).toMatch(/on h1/);
    const thawed = [{ ...frozen, endedAtMs: 100 }];
    expect(why('uplink-cut', 'h1', { known: thawed, nowMs: 99 + settleMs })).toMatch(/on h1/);
    expect(why('uplink-cut', 'h1', { known: thawed, nowMs: 100 + settleMs })).toBeNull();
  });

  test('the run that lost four connections: the freeze does not come on top of the cut', () => {
    const known = [
      force({ kind: 'uplink-cut-beyond-lease', host: 'h4', beganAtMs: 738_222 }),
      force({ kind: 'host-frozen', host: 'h4', beganAtMs: 729_564, endedAtMs: 732_779 }),
    ];
    const unsettled = [migrating({ guest: 'vm6', hosts: ['h4', 'h3'], stillSinceMs: 738_539 })];
    expect(why(long, 'h4', { known, unsettled, nowMs: 753_925 })).toMatch(/vm6 stands still/);
  });

  test('whatever is tried, nobody waits at a hand-over for longer than the longest cut', () => {
    for (let seed = 0; seed < 400; seed++)
      expect(undecidedMs(seed), `seed ${seed}`).toBeLessThanOrEqual(handOverMs + 55_000);
  });
});

/**
 * A guest goes from h1 to h2 while faults are tried every second, on these hosts as often as the gate lets them. For how
 * long, once it has stopped, at least one of its hosts is broken without a pause. It does not stop while one of
 * them is broken for long: that host takes no memory, or sends none.
 */
function undecidedMs(seed: number): number {
  const next = seeded(seed);
  const pick = <Item>(items: readonly Item[]) => items[Math.floor(next() * items.length)] as Item;
  const forces: (Force & { endedAtMs: number | null })[] = [];
  const open = () => forces.filter(({ endedAtMs }) => endedAtMs === null);
  const stopsAtMs = 200_000 + next() * 100_000;
  let stillSinceMs: number | null = null;
  for (let nowMs = 0; ; nowMs += 1_000) {
    for (const one of open())
      if (nowMs - one.beganAtMs >= longestMs(one.kind)) Object.assign(one, { endedAtMs: nowMs });
    const near = open().filter(({ host }) => host !== 'h3');
    if (stillSinceMs === null && nowMs >= stopsAtMs && !near.some(({ kind }) => isLong(kind)))
      stillSinceMs = nowMs;
    else if (stillSinceMs !== null && near.length === 0) return nowMs - stillSinceMs;
    const unsettled = nowMs < stopsAtMs - 20_000 ? [] : [migrating({ stillSinceMs })];
    const intent = { kind: pick(faultKinds), host: pick(['h1', 'h2', 'h3']), guest: null };
    if (whyNotNow(intent, { known: forces, unsettled, nowMs }) === null)
      forces.push({ ...intent, beganAtMs: nowMs, endedAtMs: null });
  }
}
