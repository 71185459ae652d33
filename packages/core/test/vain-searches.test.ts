/** A pair that found nothing to gain searches again for news only: which claims are held is told in numbers. */

import { describe, expect, it } from 'vitest';
import type { Hosts } from './support/hosts.ts';
import { giveAway, talking } from './support/talking.ts';
import { hostId } from './support/world.ts';

const a = hostId('a');
const b = hostId('b');

/** b tells a that it holds other claims than at its last summary, so many times others. */
function tellOfOtherClaims(hosts: Hosts, changes: number): void {
  const summary = hosts.state('b').lastSummary;
  if (summary === null) throw new Error('b has told its summary');
  const { sequence, revision } = summary;
  const told = { ...summary, sequence: sequence + 1, revision: revision + changes };
  const message = { kind: 'summary', summary: told, answer: false } as const;
  hosts.take(a, { kind: 'messageReceived', from: b, message });
}

/** a has searched with b in vain, and saw its claims after so many changes. */
function searchedInVain(changes: number): Hosts {
  const hosts = talking();
  const revision = (hosts.state('b').lastSummary?.revision ?? 0) + changes;
  hosts.state('a').backoffs.set(b, { untilMs: hosts.nowMs + 90_000, count: 1, revision });
  return hosts;
}

describe('a summary of other claims', () => {
  it('is no news when these are what was searched', () => {
    const hosts = searchedInVain(1);
    tellOfOtherClaims(hosts, 1);
    expect(hosts.state('a').backoffs.has(b)).toBe(true);
  });

  it('is news when they have changed since', () => {
    const hosts = searchedInVain(1);
    tellOfOtherClaims(hosts, 2);
    expect(hosts.state('a').backoffs.has(b)).toBe(false);
  });

  it('is news when nobody knows what was searched', () => {
    const hosts = searchedInVain(0);
    hosts.state('a').backoffs.set(b, { untilMs: hosts.nowMs + 90_000, count: 1 });
    tellOfOtherClaims(hosts, 1);
    expect(hosts.state('a').backoffs.has(b)).toBe(false);
  });
});

describe('the number of the claims held', () => {
  it('changes with what is held, and not with who holds the rest', () => {
    const hosts = talking();
    const { information } = hosts.state('a');
    const before = information.revision;
    giveAway(hosts, 'b');
    expect(information.revision).toBe(before + 1);
    giveAway(hosts, 'c');
    expect(information.revision).toBe(before + 1);
    giveAway(hosts, 'a');
    expect(information.revision).toBe(before + 2);
  });

  it('does not keep a from telling those that hold its claims now', () => {
    const hosts = talking();
    hosts.pass(30_000);
    giveAway(hosts, 'b');
    giveAway(hosts, 'c');
    hosts.takeSent('summary');
    hosts.pass(25_000);
    expect(hosts.takeSent('summary')).toContain('a>c');
  });
});
