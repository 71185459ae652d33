/**
 * What a member gone wrong can do, each as fast as it likes or just below what is counted as a flood. An attack
 * goes on until its time is up or its connection is gone; then it knocks again.
 */

import type { HostId } from '@barter/core';
import { type RawNode, rawMember } from '../../packages/agent/test/network/raw-peer.ts';
import type { Attack } from './attack.ts';
import { deceits } from './deceits.ts';
import { floods } from './floods.ts';
import { lies } from './lies.ts';
import type { Victim } from './victim.ts';

export const attacks: readonly Attack[] = [...floods, ...lies, ...deceits];

export async function attacker(victim: Victim): Promise<Readonly<{ node: RawNode; self: HostId }>> {
  return { node: await rawMember(victim.keyFile), self: victim.bad as HostId };
}

/** Attacks, and knocks again whenever it is thrown out, until the time is up. Returns how often it was let in. */
export async function keepAttacking(
  victim: Victim,
  attack: Attack,
  isOver: () => boolean,
): Promise<Readonly<{ knocks: number; letIn: number; proposals: number }>> {
  const { node, self } = await attacker(victim);
  let [knocks, letIn] = [0, 0];
  const proposals = new Set<string>();
  try {
    while (!isOver()) {
      knocks += 1;
      try {
        const connection = await node.dial(victim.address, { signal: AbortSignal.timeout(3000) });
        letIn += 1;
        await attack.run({ victim, node, self, connection, proposals }, isOver);
        await connection.close().catch(() => {});
      } catch {
        // Refused or thrown out: knocks again.
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  } finally {
    await node.stop();
  }
  return { knocks, letIn, proposals: proposals.size };
}
