/** What an administrator does by hand in the middle of trading is a fact to learn, never something to undo. */

import { expect, test } from 'vitest';
import type { Lab } from '../lab.ts';
import { until } from '../process.ts';
import { areTogether, splitTwoPairs, togetherWithinMs, untilReady, watched } from './steps.ts';

export function movedByHand(labOf: () => Lab): void {
  test('a guest moved with virsh and a guest shut down amid trading stay so, and the others go on', {
    timeout: togetherWithinMs + 180_000,
  }, async () => {
    const lab = labOf();
    await splitTwoPairs(lab);
    await watched(lab, async (watch) => {
      watch.mayBeOff('vm5');
      await lab.restartAgents({ guestsPerHost: 3 });
      await until('the first deal to be committed', () => anyDeal(lab), togetherWithinMs, 200);

      await until('vm5 to be off', () => switchOff(lab, 'vm5'), 60_000, 500);
      const to = await moveElsewhere(lab, 'vm6');
      const movedAtMs = Date.now();

      const others = lab.state.pairs.filter(({ a }) => a !== 'vm5');
      await until(
        'the other pairs to share hosts',
        () => areTogether(lab, others),
        togetherWithinMs,
        500,
      );
      await untilReady(lab);

      // The cluster has learned both: vm6 has its home there, and vm5 is nowhere.
      await until('the agents to learn it', () => learned(lab, 'vm6', to), 60_000, 500);
      expect(await lab.placement()).toMatchObject({ vm5: null, vm6: to });
      const vm5 = (await lab.places()).get('vm5') ?? [];
      expect(vm5.every(({ state }) => state === 'shut off')).toBe(true);
      for (const { id } of lab.state.hosts) {
        const moves = (await lab.view(id, 'moves')) ?? [];
        const later = moves.filter(
          ({ name, startedAtMs }) => name === 'vm6' && (startedAtMs ?? 0) > movedAtMs,
        );
        expect(later).toEqual([]);
      }
    });
    await lab.bootGuest('vm5');
    await lab.guestsConnected(120_000);
  });
}

async function anyDeal(lab: Lab): Promise<boolean> {
  const views = await Promise.all(lab.state.hosts.map(({ id }) => lab.view(id, 'status')));
  return views.some((status) => (status?.deals.committed ?? 0) > 0);
}

/** A guest that stands still at the end of a migration does not hear us: ask until it is off. */
async function switchOff(lab: Lab, guest: string): Promise<boolean> {
  const copies = (await lab.places()).get(guest) ?? [];
  if (copies.length > 0 && copies.every(({ state }) => state === 'shut off')) return true;
  await lab.powerOff(guest);
  return false;
}

/** Moves a guest with virsh to a host where it is not; libvirt refuses while it is being migrated already. */
async function moveElsewhere(lab: Lab, guest: string): Promise<string> {
  let to = '';
  const moved = async () => {
    const at = (await lab.placement())[guest];
    if (at === null || at === undefined) return false;
    to = lab.state.hosts.find(({ id }) => id !== at)?.id ?? '';
    return await lab.migrateByHand(guest, to).then(
      () => true,
      () => false,
    );
  };
  await until(`${guest} to be moved by hand`, moved, 120_000, 500);
  return to;
}

async function learned(lab: Lab, guest: string, home: string): Promise<boolean> {
  const { domains } = await lab.status();
  if (domains.find(({ id }) => id === guest)?.host !== home) return false;
  const there = (await lab.view(home, 'domains')) ?? [];
  return there.some(({ name, holder }) => name === guest && holder === home);
}
