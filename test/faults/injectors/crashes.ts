/**
 * Agents die before any single effect, so also between a `persist` and the messages that follow it; a crash at a
 * `persist` loses the append that was being made (a torn tail), never one that was acknowledged. Disks fail for
 * a while: every append fails, the agent ends, and so it does when it is started again, until the disk is whole.
 */

import type { HostEffect, HostId } from '@barter/core';
import type { SimHost } from '@barter/sim';
import { streams } from '../plan.ts';
import { chatter, type Fate, type Injector, type Scene } from '../scene.ts';

export function crashes(scene: Scene): Injector {
  const { world, plan, hosts } = scene;
  const { faults } = plan;
  const random = scene.random(streams.crashes);
  const broken = new Map<HostId, number>();
  let isOver = false;

  const startLater = (host: SimHost) => {
    const seconds = random.next() ** 2 * faults.downSecondsMax;
    world.at(world.nowMs() + 100 + seconds * 1000, () => {
      if (host.state !== undefined || !scene.isAlive(host.id)) return;
      scene.trace.add(`${host.id} starts again`);
      host.start();
    });
  };

  scene.crash = (host) => {
    host.crash();
    startLater(host);
  };

  scene.decideFate = (host: SimHost, effect: HostEffect): Fate => {
    if (isOver || effect.kind === 'log') return 'performed';
    if (effect.kind === 'persist' && (broken.get(host.id) ?? 0) > world.nowMs()) {
      scene.fault('disk failure', `${host.id}: the disk fails, the agent ends`);
      host.journal.failNext(1);
      startLater(host);
      return 'fails';
    }
    const isChatter = effect.kind === 'send' && chatter.has(effect.message.kind);
    const share = isChatter ? faults.crashAtOther : faults.crashAtEffect;
    if (share === 0 || random.next() >= share) return 'performed';
    const what = effect.kind === 'send' ? `send ${effect.message.kind}` : effect.kind;
    const kind = effect.kind === 'persist' ? 'torn journal tail' : `crash before ${effect.kind}`;
    scene.fault(kind, `${host.id} crashes before ${what}`);
    startLater(host);
    return 'lost';
  };

  return {
    tick() {
      const host = hosts[random.below(hosts.length)] as SimHost;
      if (!scene.isAlive(host.id)) return;
      if (faults.crashEvery > 0 && random.next() < 1 / faults.crashEvery && host.state) {
        scene.fault('crash between steps', `${host.id} crashes`);
        scene.crash(host);
      }
      if (faults.diskFailsEvery > 0 && random.next() < 1 / faults.diskFailsEvery)
        broken.set(host.id, world.nowMs() + 1000 + random.next() * 8000);
    },
    stop() {
      isOver = true;
      for (const host of hosts)
        if (host.state === undefined && scene.isAlive(host.id)) host.start();
    },
  };
}
