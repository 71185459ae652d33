import { describe, expect, test } from 'vitest';
import {
  failedArrivals,
  gaps,
  type Life,
  moves,
  note,
  noteEnd,
  overlaps,
  unsettled,
} from './lives.ts';
import { type Findings, makeReport, reportText } from './report.ts';

function life(host: string, over: Partial<Life> = {}): Life {
  return { guest: 'vm1', host, pid: 1, seenAtMs: 0, spans: [], endedAtMs: null, ...over };
}

/** A guest that runs on h1 from 0, stops there at `stopMs`, and runs on h2 from `resumeMs`. */
function moved(stopMs: number, resumeMs: number): readonly [Life, Life] {
  const source = life('h1');
  const target = life('h2', { pid: 2 });
  note(source, true, 0);
  note(source, false, stopMs);
  note(target, true, resumeMs);
  noteEnd(source, resumeMs + 50);
  return [source, target];
}

describe('lives of QEMUs', () => {
  test('a clean hand-over is one move, one gap and no overlap', () => {
    const lives = moved(1000, 1200);
    expect(moves(lives, 'vm1', 5000)).toEqual([
      { guest: 'vm1', from: 'h1', to: 'h2', atMs: 1200, downtimeMs: 200 },
    ]);
    expect(gaps(lives, 'vm1', 5000)).toEqual([
      { guest: 'vm1', fromMs: 1000, forMs: 200, ongoing: false },
    ]);
    expect(overlaps(lives, 'vm1', 5000)).toEqual([]);
  });

  test('two that run at once are seen, however short', () => {
    expect(overlaps(moved(1200, 1199), 'vm1', 5000)).toEqual([
      { guest: 'vm1', hosts: ['h1', 'h2'], fromMs: 1199, forMs: 1 },
    ]);
    const both = [life('h1'), life('h2')];
    for (const one of both) note(one, true, 10);
    expect(overlaps(both, 'vm1', 100)).toMatchObject([{ forMs: 90 }]);
  });

  test('an end that nobody told of proves an overlap only when it is long', () => {
    const ends = (endMs: number) => {
      const lives = [life('h1'), life('h2')] as const;
      note(lives[0], true, 0);
      note(lives[1], true, 1000);
      noteEnd(lives[0], endMs);
      return lives;
    };
    expect(overlaps(ends(1300), 'vm1', 9000)).toEqual([]);
    expect(overlaps(ends(1500), 'vm1', 9000)).toHaveLength(1);
  });

  test('a guest that stands still stands still until now', () => {
    const source = life('h1');
    note(source, true, 0);
    note(source, false, 1000);
    expect(gaps([source], 'vm1', 4000)).toEqual([
      { guest: 'vm1', fromMs: 1000, forMs: 3000, ongoing: true },
    ]);
    note(source, true, 5000);
    expect(gaps([source], 'vm1', 9000)).toMatchObject([{ forMs: 4000, ongoing: false }]);
    expect(moves([source], 'vm1', 9000)).toEqual([]);
  });

  test('an arrival that never ran has failed', () => {
    const arrival = life('h2');
    expect(failedArrivals([arrival])).toEqual([]);
    noteEnd(arrival, 10);
    expect(failedArrivals([arrival])).toEqual([arrival]);
  });
});

describe('what is open about a guest', () => {
  test('from the arrival of its second QEMU until one is left, and since when it stands still', () => {
    const [source, target] = [life('h1'), life('h2', { pid: 2 })];
    const seen = () => unsettled([source, target], 'vm1');
    const both = { guest: 'vm1', hosts: ['h1', 'h2'] };
    expect(seen()).toBeNull();
    note(source, true, 0);
    expect(seen()).toEqual({ ...both, stillSinceMs: null });
    note(source, false, 1000);
    expect(seen()).toEqual({ ...both, stillSinceMs: 1000 });
    note(target, true, 1200);
    expect(seen()).toEqual({ ...both, stillSinceMs: null });
    noteEnd(source, 1250);
    expect(seen()).toBeNull();
    expect(unsettled([source, target], 'vm2')).toBeNull();
  });

  test('a target that gave up while the guest stood still is asked still, one that did before is not', () => {
    const [early, source, target] = [life('h3'), life('h1'), life('h2', { pid: 2 })];
    note(source, true, 0);
    noteEnd(early, 900);
    note(source, false, 1000);
    noteEnd(target, 31_000);
    const open = { guest: 'vm1', hosts: ['h1', 'h2'], stillSinceMs: 1000 };
    expect(unsettled([early, source, target], 'vm1')).toEqual(open);
    note(source, true, 40_000);
    expect(unsettled([early, source, target], 'vm1')).toBeNull();
  });
});

describe('the report', () => {
  const findings: Findings = {
    seed: 5,
    commit: 'abc',
    hosts: 2,
    guests: ['vm1'],
    beganAtMs: 0,
    calmAtMs: 600_000,
    nowMs: 610_000,
    done: [],
    skipped: [],
    lives: moved(1000, 1200),
    watched: 2,
    losses: [],
    endings: [],
    ended: { settledAfterSeconds: 4.2, open: [], operator: [] },
    journals: [{ host: 'h1', integrity: 'ok', records: 1, receipts: 1, keys: ['k'] }],
    forgotten: [],
  };
  const cut = {
    fault: {
      id: 1,
      atMs: 0,
      kind: 'agent-disk-full',
      moment: null,
      side: 'source',
      host: 'h1',
      delayMs: 0,
      forMs: 1000,
      draw: 0,
    },
    host: 'h1',
    met: null,
    beganAtMs: 20_000,
    endedAtMs: 30_000,
  } as const;

  test('of a run in which everything held', () => {
    const report = makeReport(findings);
    expect(report).toMatchObject({
      held: true,
      broken: [],
      migrations: { moved: 1, failed: 0, per10Minutes: 1, medianDowntimeMs: 200 },
      worst: { guest: 'vm1', forMs: 200, during: [] },
    });
    expect(reportText(report)).toMatch(/^Everything held\.\nseed 5/);
  });

  test('names what was planned and did not come, and why', () => {
    const report = makeReport({
      ...findings,
      skipped: [{ fault: cut.fault, why: 'vm1 migrates' }],
    });
    expect(report.skipped).toEqual(['#1 agent-disk-full: vm1 migrates']);
    expect(reportText(report)).toMatch(/no room: 1\n {2}#1 agent-disk-full: vm1 migrates\n/);
  });

  test('what broke is said with what was in force', () => {
    const report = makeReport({
      ...findings,
      lives: moved(1200, 1000),
      done: [{ ...cut }],
      losses: [{ atMs: 60_000, lastGoodAtMs: 57_000, guest: 'vm1', peer: 'vm2', count: 1 }],
      ended: { settledAfterSeconds: null, open: ['vm1 has 2 QEMUs'], operator: ['h1: doubt'] },
      journals: [{ host: 'h1', integrity: 'torn', records: 0, receipts: 0, keys: [] }],
      forgotten: ['the journal of h1 has no x'],
    });
    expect(report.held).toBe(false);
    expect(report.broken).toEqual([
      expect.stringMatching(/^vm1 ran on h1 and h2 at once for 200 ms at 0.02 min/),
      expect.stringMatching(/^vm1 lost 1 connection.*with vm2.*#1 agent-disk-full on h1/),
      'at the end: vm1 has 2 QEMUs',
      'the journal of h1 is not whole: torn',
      'the journal of h1 has no x',
    ]);
    expect(reportText(report)).toMatch(/Waits for an operator:\n {2}- h1: doubt/);
  });

  test('an agent that ends for a full disk is counted, any other end is broken', () => {
    const ending = { atMs: 25_000, host: 'h1', service: 'agent', words: 'full' } as const;
    const excused = makeReport({ ...findings, done: [{ ...cut }], endings: [ending] });
    expect(excused).toMatchObject({ held: true, endings: [ending] });
    const other = makeReport({
      ...findings,
      done: [{ ...cut }],
      endings: [{ ...ending, host: 'h2' }],
    });
    expect(other.broken).toEqual([expect.stringMatching(/^the agent of h2 ended by itself/)]);
  });
});
