/**
 * Messages are lost, repeated, delayed and reordered as the plan says, all the time; now and then the cluster is
 * cut in two, both ways or one way only, or a single pair is. Some messages come once more long after.
 */

import type { HostId, Message } from '@barter/core';
import { shuffle, streams } from '../plan.ts';
import { type Checker, chatter, type Injector, type Scene } from '../scene.ts';

type Cut = Readonly<{ ways: readonly (readonly [HostId, HostId])[]; untilMs: number }>;

export function network(scene: Scene): Injector & Readonly<{ watch: Checker }> {
  const { world, plan, hosts, cluster } = scene;
  const { partitionEvery, partitionSecondsMax, replay } = plan.faults;
  const random = scene.random(streams.network);
  const replays = scene.random(streams.replays);
  let cuts: Cut[] = [];
  let isOver = false;

  const cut = () => {
    const isPair = random.next() < 0.4;
    const shuffled = shuffle(
      random,
      hosts.map(({ id }) => id),
    );
    const size = isPair ? 1 : 1 + random.below(hosts.length - 1);
    const left = shuffled.slice(0, size);
    const right = isPair ? shuffled.slice(size, size + 1) : shuffled.slice(size);
    const isOneWay = random.next() < 0.5;
    const ways = left.flatMap((one) =>
      right.flatMap((other) =>
        isOneWay ? [[one, other] as const] : [[one, other] as const, [other, one] as const],
      ),
    );
    const seconds = 1 + random.next() * partitionSecondsMax;
    cuts.push({ ways, untilMs: world.nowMs() + seconds * 1000 });
    for (const [from, to] of ways) cluster.network.cut(from, to, true);
    const kind = isOneWay ? 'one-way partition' : 'partition';
    scene.fault(kind, `${kind} for ${seconds.toFixed(0)} s: ${left} | ${right}`);
  };

  const mend = (which: (cut: Cut) => boolean) => {
    const mended = cuts.filter(which);
    cuts = cuts.filter((one) => !which(one));
    for (const { ways } of mended) {
      for (const [from, to] of ways) {
        const isCut = cuts.some((one) => one.ways.some(([a, b]) => a === from && b === to));
        if (!isCut) cluster.network.cut(from, to, false);
      }
    }
  };

  /** A copy that was delayed for so long that nobody waits for it any more. */
  const comesAgain = (from: HostId, to: HostId, message: Message) => {
    world.at(world.nowMs() + 3_000 + replays.next() * 50_000, () => {
      if (isOver || !scene.isAlive(from)) return;
      scene.fault(
        'message repeated long after',
        `${message.kind} from ${from} comes to ${to} again`,
      );
      cluster.network.deliver(from, to, message);
    });
  };

  return {
    tick() {
      mend(({ untilMs }) => untilMs <= world.nowMs());
      if (partitionEvery > 0 && random.next() < 1 / partitionEvery) cut();
    },
    watch: {
      name: 'network',
      onEffect(from, effect) {
        if (isOver || effect.kind !== 'send' || chatter.has(effect.message.kind)) return;
        // A question that a home answered with no may come again when the answer would be yes.
        const share = effect.message.kind === 'settle' ? 8 * replay : replay;
        if (replay > 0 && replays.next() < share) comesAgain(from, effect.to, effect.message);
      },
    },
    stop() {
      isOver = true;
      mend(() => true);
      cluster.network.options = { loss: 0, repetition: 0, latencyMs: [1, 5] };
    },
  };
}
