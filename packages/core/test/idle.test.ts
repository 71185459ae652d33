/** A claim that its holder renews, and whose domain it never calls: for how long, and what becomes of it. */

import { beforeEach, describe, expect, it } from 'vitest';
import { idleMaxMs } from '../src/claims/idle.ts';
import { makeBook } from '../src/claims/offering.ts';
import { createHost, step } from '../src/host.ts';
import type { Message } from '../src/message.ts';
import type { SettlementId } from '../src/model/model.ts';
import type { JournalRecord } from '../src/record.ts';
import type { HostEffect, HostState } from '../src/state.ts';
import { entryOf, Hosts, hostConfig } from './support/hosts.ts';
import { domainId, hostId } from './support/world.ts';

const [holder, other] = [hostId('holder'), hostId('other')];
const domain = domainId('v1');
const settlement = 's1' as SettlementId;
const { timing } = hostConfig('home');
const longMs = idleMaxMs(timing);
/** Ten migrations like the domain's, and some seconds. */
const queueMs = 120_000;

describe('a claim that is renewed and never settled', () => {
  let home: HostState;
  let journal: Map<string, JournalRecord>;
  let nowMs = 1_000_000;

  const take = (event: Parameters<typeof step>[1]) => {
    const { effects } = step(home, event);
    for (const effect of effects)
      if (effect.kind === 'persist')
        for (const record of effect.records) journal.set(`${record.kind} ${record.key}`, record);
    return effects;
  };
  const measure = () => {
    const hosts = new Hosts('home');
    hosts.sample('home', { v1: [] });
    const { sample, samples } = hosts.state('home');
    if (sample === null) throw new Error('it has just been measured');
    const domains = [...samples.values()];
    take({ kind: 'sampled', nowMs, beganAtMs: nowMs, sample: { ...sample, domains } });
  };
  const hears = (message: Message) =>
    take({ kind: 'messageReceived', nowMs, from: holder, message });
  const version = () => entryOf(home, 'v1').version;

  /** Lets time pass while the holder renews, and calls as often as it is told to. */
  const pass = (ms: number, callsEveryMs = Infinity): readonly HostEffect[] => {
    const effects: HostEffect[] = [];
    let calledAtMs = nowMs;
    for (const endMs = nowMs + ms; nowMs < endMs; ) {
      nowMs += 10_000;
      measure();
      hears({ kind: 'renew', domain, version: version() });
      if (nowMs - calledAtMs >= callsEveryMs) {
        calledAtMs = nowMs;
        hears({ kind: 'settle', settlement, domain, version: version(), leaseMs: 30_000 });
      }
      effects.push(...take({ kind: 'ticked', nowMs, random: [0.5, 0.5, 0.5, 0.5] }));
    }
    return effects;
  };
  const isAway = () => entryOf(home, 'v1').holder === holder;
  /** As by a deal, whose first half the home remembers. */
  const give = () => {
    const { version: before } = entryOf(home, 'v1');
    const entry = { ...entryOf(home, 'v1'), holder, version: before + 1 };
    const { awaitedSinceMs: _, ...given } = { ...entry, leaseExpiresAtMs: nowMs + 120_000 };
    home.homes.set(domain, given);
    hears({ kind: 'renew', domain, version: before + 1 });
    journal.set(`home ${domain}`, { kind: 'home', key: domain, value: entryOf(home, 'v1') });
  };
  const restart = () => {
    home = createHost(hostConfig('home'), [...journal.values()], 'observe');
    take({ kind: 'restarted', nowMs });
    measure();
  };
  const isOfferedTo = (peer: typeof holder) =>
    makeBook(home, nowMs, peer)?.offers.some(({ claim }) => claim.domain === domain);

  beforeEach(() => {
    nowMs = 1_000_000;
    journal = new Map();
    home = createHost(hostConfig('home'), [], 'observe');
    measure();
    give();
  });

  it('is left to its holder for as long as an honest one can need', () => {
    pass(longMs - 10_000);
    expect(isAway()).toBe(true);
  });

  it('comes home then, at a version above every other, with the reason', () => {
    const before = version();
    const effects = pass(longMs + queueMs);
    expect(entryOf(home, 'v1').holder).toBe(hostId('home'));
    expect(version()).toBe(131_072 * Math.ceil(before / 131_072));
    expect(effects).toContainEqual(
      expect.objectContaining({
        kind: 'log',
        code: 'claim-taken-back',
        message: expect.stringContaining('without the domain being called'),
      }),
    );
  });

  it('is left to a holder whose calls the home refuses, for as long as it does', () => {
    pass(3 * longMs, 300_000);
    expect(isAway()).toBe(true);
    pass(longMs + queueMs);
    expect(isAway()).toBe(false);
  });

  it('is not taken from a holder that has called, because the home does not remember that after a restart', () => {
    pass(2 * longMs, 60_000);
    restart();
    pass(60_000, 30_000);
    expect(isAway()).toBe(true);
    // That it starts again and again gives the holder no more than that each time.
    restart();
    pass(timing.claimLeaseMs + timing.backoffMs + queueMs);
    expect(isAway()).toBe(false);
  });

  it('is not offered to that holder again for a time that doubles, but to others', () => {
    pass(longMs + queueMs);
    expect([isOfferedTo(holder), isOfferedTo(other)]).toEqual([false, true]);
    restart();
    expect([isOfferedTo(holder), isOfferedTo(other)]).toEqual([false, true]);
    pass(longMs);
    expect(isOfferedTo(holder)).toBe(true);
    give();
    pass(longMs + queueMs);
    pass(longMs + queueMs);
    expect(isOfferedTo(holder)).toBe(false);
    pass(longMs);
    expect(isOfferedTo(holder)).toBe(true);
  });
});
