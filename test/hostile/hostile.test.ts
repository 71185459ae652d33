/** Lies of one member against a real agent: named, shut out, cheap; and the other members are not affected. */

import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { attacks, keepAttacking } from './attacks.ts';
import { startVictim, type Victim } from './victim.ts';

/** Enough for the slowest to be noticed: a contested VM is looked at with the next measurement. */
const attackMs = 8000;
/** A fifth of a core for as long as it attacks, start of the agent's code and knocking included. */
const cpuShareMax = 0.4;

async function attacked(name: string, check: (victim: Victim) => Promise<void>): Promise<void> {
  const attack = attacks.find((each) => each.name === name);
  if (attack === undefined) throw new Error(`no attack ${name}`);
  const victim = await startVictim(20);
  try {
    const [cpuMs, endsAtMs] = [victim.cpuMs(), performance.now() + attackMs];
    await keepAttacking(victim, attack, () => performance.now() > endsAtMs);
    expect((victim.cpuMs() - cpuMs) / attackMs).toBeLessThan(cpuShareMax);
    await check(victim);
  } finally {
    await victim.close();
  }
}

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

  test('about its own load cannot be told from an honest one, and costs little', () =>
    attacked('lie-idle', expectOthersConnected));
});
