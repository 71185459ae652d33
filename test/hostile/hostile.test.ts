/** Lies of one member against a real agent: named, shut out, cheap; and the other members are not affected. */

import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { attacks, keepAttacking } from './attacks.ts';
import { startVictim, type Victim } from './victim.ts';

/** Enough for the slowest to be noticed: a contested VM is looked at with the next measurement. */
const attackMs = 8000;
/** Proposals to a liar until it is left out. */
const wastedMax = 20;
/** A fifth of a core for as long as it attacks, start of the agent's code and knocking included. */
const cpuShareMax = 0.4;

async function attacked(
  name: string,
  check: (victim: Victim, proposals: number) => Promise<void>,
  forMs = attackMs,
  isEnough: (victim: Victim) => boolean = () => false,
): Promise<void> {
  const attack = attacks.find((each) => each.name === name);
  if (attack === undefined) throw new Error(`no attack ${name}`);
  const victim = await startVictim(20, 'info', attack.needsTrade);
  try {
    const [cpuMs, beganAtMs] = [victim.cpuMs(), performance.now()];
    const isOver = () => performance.now() - beganAtMs > forMs || isEnough(victim);
    const { proposals } = await keepAttacking(victim, attack, isOver);
    const tookMs = performance.now() - beganAtMs;
    expect((victim.cpuMs() - cpuMs) / tookMs).toBeLessThan(cpuShareMax);
    await check(victim, proposals);
  } finally {
    await victim.close();
  }
}

const isShutOut = (victim: Victim) =>
  victim.logged().some(({ code, peer }) => code === 'peer-shut-out' && peer === victim.bad);

async function expectShutOut(victim: Victim, why: string): Promise<void> {
  const shutOut = victim.logged().filter(({ code }) => code === 'peer-shut-out');
  expect(shutOut.map(({ peer }) => peer)).toContain(victim.bad);
  expect(shutOut[0]?.message).toContain(why);
  // Few lines, however many lies.
  expect(victim.logged().length).toBeLessThan(200);
}

async function expectOthersConnected(victim: Victim): Promise<void> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const peers = await victim.client.view('peers');
    if (peers.ok && peers.value.some(({ name, connected }) => name === 'h2' && connected)) return;
    await pause(100);
  }
  throw new Error('the honest member is not connected');
}

describe('a member that lies', { timeout: 120_000 }, () => {
  test('about the load of others', () =>
    attacked('lie-load', async (victim) => {
      await expectShutOut(victim, 'summary-stranger');
      await expectOthersConnected(victim);
    }));

  test('about VMs that run here', () =>
    attacked('claim-vms-slowly', async (victim) => {
      await expectShutOut(victim, 'runs here');
      const domains = await victim.client.view('domains');
      if (!domains.ok) throw new Error(domains.message);
      // They are still this host's own, whatever was said of them.
      const held = domains.value.filter(({ holder }) => holder === 'h1');
      expect(held.length).toBe(victim.domains.length);
      await expectOthersConnected(victim);
    }));

  test('about its own load, as often as it can, costs little', () =>
    attacked('lie-idle', expectOthersConnected));
});

// A lie has to be acted upon several times before it is taken for one, and an open deal with it ends in its own time:
// a minute each. On simulated time every kind of it is played in test/scenario/liars.test.ts.
describe.runIf(process.env.BARTER_LONG === '1')(
  'a member that lies believably',
  { timeout: 120_000 },
  () => {
    test.concurrent.each([
      ['deceive-idle', 'finds nothing to gain in', 90_000],
      ['deceive-book', 'its book offers VMs of', 60_000],
    ])(
      'about itself, believably (%s), is named, left out of trading and shut out',
      (attack, why, forMs) =>
        attacked(
          attack,
          async (victim, proposals) => {
            const named = victim.logged().filter(({ code }) => code === 'peer-distrusted');
            expect(named.map(({ peer }) => peer)).toEqual([victim.bad]);
            expect(named[0]?.message).toContain(why);
            await expectShutOut(victim, why);
            expect(proposals).toBeLessThan(wastedMax);
            const peers = await victim.client.view('peers');
            const bad = peers.ok ? peers.value.find(({ host }) => host === victim.bad) : undefined;
            expect(bad?.distrust?.forSeconds).toBeGreaterThan(300);
            await expectOthersConnected(victim);
          },
          forMs,
          isShutOut,
        ),
    );
  },
);
