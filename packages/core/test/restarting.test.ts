/** An agent that starts again at another time than it had been: whatever its journal says, nothing waits for ever or ends early. */

import { describe, expect, it } from 'vitest';
import { createHost, step } from '../src/host.ts';
import type { JournalRecord } from '../src/record.ts';
import type { HostState } from '../src/state.ts';
import { Hosts } from './support/hosts.ts';
import { domainId, GIB, hostId, traits as traitsWith } from './support/world.ts';

const nowMs = 1_700_000_000_000;
const yearMs = 365 * 86_400_000;
/** No domain rests for longer than this. */
const longestMs = 6 * 3_600_000;

const domain = domainId('v1');
const traits = traitsWith({ name: 'v1', memoryBytes: GIB, migrationBytes: GIB });
const claim = { domain, home: hostId('b'), holder: hostId('a'), version: 65_537 };

/** One record of each kind, with every time in it the same. */
function records(atMs: number): readonly JournalRecord[] {
  const deal = {
    role: 'responder',
    peer: hostId('b'),
    exchange: { give: [], take: [domain] },
    moves: [{ claim, to: hostId('a'), newVersion: 65_538, traits, row: [] }],
    gainBitsPerSecond: 1,
    startedAtMs: atMs,
    expiresAtMs: atMs,
    detail: '',
  } as const;
  const settlement = {
    domain,
    name: 'v1',
    to: hostId('b'),
    version: 65_537,
    startedAtMs: atMs,
    expectedBytes: GIB,
    detail: '',
    statistics: null,
  } as const;
  const all = {
    deal: [
      { ...deal, id: 'open', phase: 'accepted', endedAtMs: null },
      { ...deal, id: 'ended', phase: 'done', endedAtMs: atMs },
    ],
    home: [
      {
        domain: domainId('v2'),
        name: 'v2',
        holder: hostId('b'),
        version: 65_537,
        leaseExpiresAtMs: atMs,
        movedAtMs: atMs,
        restsUntilMs: atMs,
        restReason: 'its last migration failed',
        failures: 1,
        carriedRow: [],
        approval: null,
        settlement: null,
      },
    ],
    holding: [
      {
        claim,
        traits,
        row: [],
        deal: 'open',
        acquiredAtMs: atMs,
        leaseExpiresAtMs: atMs,
        confirmed: true,
        givenTo: null,
        settleNotBeforeMs: atMs,
        waiting: '',
      },
    ],
    reservation: [
      {
        settlement: 's1',
        domain,
        home: hostId('b'),
        version: 65_537,
        traits,
        row: [],
        phase: 'asking',
        startedAtMs: atMs,
        leaseExpiresAtMs: atMs,
      },
    ],
    settlement: [
      {
        ...settlement,
        settlement: 's2',
        phase: 'resolving',
        endedAtMs: null,
        unresolvedSinceMs: atMs,
      },
      {
        ...settlement,
        settlement: 's3',
        phase: 'failed',
        endedAtMs: atMs,
        unresolvedSinceMs: null,
      },
    ],
  };
  return Object.entries(all).flatMap(([kind, values]) =>
    values.map((value, index) => {
      const { id, settlement } = value as { id?: string; settlement?: string };
      return { kind, key: id ?? settlement ?? `v${index}`, value } as unknown as JournalRecord;
    }),
  );
}

function restarted(atMs: number): HostState {
  const { config } = new Hosts('a').state('a');
  const state = createHost(config, records(atMs), 'auto');
  step(state, { kind: 'restarted', nowMs });
  return state;
}

/** Every time in what the host remembers, by its path. */
function timesOf(state: HostState): ReadonlyMap<string, number> {
  const { deals, homes, holdings, reservations, settlements } = state;
  const times = new Map<string, number>();
  const walk = (path: string, value: unknown): void => {
    if (typeof value === 'number') {
      if (/(At|Until|Before|Since)Ms$/.test(path)) times.set(path, value);
    } else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) walk(`${path}.${key}`, inner);
  };
  for (const [kind, map] of Object.entries({ deals, homes, holdings, reservations, settlements }))
    for (const [key, value] of map) walk(`${kind} ${key}`, value);
  return times;
}

describe('an agent that starts again', () => {
  it('takes no time in its journal for one that is still to come', () => {
    for (const [path, atMs] of timesOf(restarted(nowMs + 10 * yearMs))) {
      const isFuture = /(expires|Expires|Until|Before)/.test(path);
      expect(atMs, path).toBeLessThanOrEqual(isFuture ? nowMs + longestMs : nowMs);
    }
  });

  it('knows as many times as its journal has', () => {
    expect(timesOf(restarted(nowMs + 1)).size).toBe(17);
  });

  it('ends nothing before it could have ended had the clock not been set', () => {
    const state = restarted(nowMs - 10 * yearMs);
    const { claimLeaseMs, settleLeaseMs, historyMs } = state.config.timing;
    step(state, { kind: 'ticked', nowMs: nowMs + 500, random: [0.5, 0.5, 0.5, 0.5] });
    expect(state.homes.get(domainId('v2'))?.leaseExpiresAtMs).toBe(nowMs + claimLeaseMs);
    expect(state.holdings.get(domain)?.leaseExpiresAtMs).toBe(nowMs + claimLeaseMs);
    const [reservation] = state.reservations.values();
    expect(reservation).toMatchObject({
      phase: 'arriving',
      leaseExpiresAtMs: nowMs + settleLeaseMs,
    });
    const later = { kind: 'ticked', random: [0.5, 0.5, 0.5, 0.5] } as const;
    step(state, { ...later, nowMs: nowMs + historyMs });
    expect([state.deals.has('ended'), state.settlements.has('s3' as never)]).toEqual([true, true]);
    step(state, { ...later, nowMs: nowMs + historyMs + 1_000 });
    expect([state.deals.has('ended'), state.settlements.has('s3' as never)]).toEqual([
      false,
      false,
    ]);
  });

  it('has no more patience with an open deal when nobody knows how much of it has passed', () => {
    const { deals } = restarted(nowMs + yearMs);
    expect(deals.get('open')).toMatchObject({ phase: 'void', endedAtMs: nowMs });
  });
});
