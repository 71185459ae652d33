/**
 * Memory and virtual CPUs are never oversubscribed by us: neither by what runs, arrives and has room kept for
 * it, nor on paper by what was agreed. What an administrator starts by hand counts from when the agent can know it.
 */

import type { HostId, JournalRecord } from '@barter/core';
import type { Checker, Scene } from '../scene.ts';
import { Violation } from '../violation.ts';

type Need = { memoryBytes: number; vcpus: number };

export function room(scene: Scene): Checker {
  const name = 'room';
  const { world, cluster } = scene;
  /** Settlements whose room is kept in the step that is being taken. */
  const isNew = new Set<string>();

  const needOf = (domains: Iterable<string>): Need => {
    const need = { memoryBytes: 0, vcpus: 0 };
    for (const id of domains) {
      need.memoryBytes += world.domain(id)?.memoryBytes ?? 0;
      need.vcpus += world.domain(id)?.vcpus ?? 0;
    }
    return need;
  };

  const isOver = (need: Need, limit: Need) =>
    need.memoryBytes > limit.memoryBytes || need.vcpus > limit.vcpus;

  const text = ({ memoryBytes, vcpus }: Need) =>
    `${(memoryBytes / 1024 ** 3).toFixed(1)} GiB and ${vcpus} vCPUs`;

  /** Room is kept for another domain: with all that runs there and all other kept room it must fit. */
  const keptAnew = (host: HostId, id: string) => {
    const { running, paused, capacity } = world.host(host);
    const seen = cluster.host(host).state?.samples;
    const here = [...running, ...paused].filter(({ id: domain }) => seen?.has(domain));
    const kept = scene
      .records(host)
      .all('reservation')
      .map(({ domain }) => domain as string);
    const need = needOf(new Set([...here.map((domain) => domain.id as string), ...kept]));
    const limit = { memoryBytes: capacity.memoryTransientBytes, vcpus: capacity.vcpuLimit };
    if (isOver(need, limit))
      throw new Violation(
        name,
        [id, ...kept],
        `${host} keeps room (${id}) that it does not have: ${text(need)} of ${text(limit)} for ${[...here.map((domain) => domain.id), ...kept].join(', ')}`,
      );
  };

  /** What the host holds on paper, as far as its domains still run where the register says. */
  const heldBy = (host: HostId): Set<string> => {
    const records = scene.records(host);
    const running = new Set([...world.host(host).running].map(({ id }) => id as string));
    const seen = cluster.host(host).state?.samples;
    return new Set([
      ...records
        .all('home')
        .filter(({ holder, domain }) => holder === host && running.has(domain) && seen?.has(domain))
        .map(({ domain }) => domain as string),
      ...records
        .all('holding')
        .filter(({ givenTo }) => givenTo === null)
        .map(({ claim }) => claim.domain as string),
    ]);
  };

  const agreed = (host: HostId, record: JournalRecord & { kind: 'deal' }, before: Set<string>) => {
    const deal = record.value;
    if (deal === null) return;
    const decides = deal.role === 'responder' ? 'accepted' : 'committed';
    if (deal.phase !== decides) return;
    const after = new Set(before);
    // Every deal that may still be committed counts, with what it brings; only this one also with what it takes away.
    for (const { claim, to } of deal.moves) if (to !== host) after.delete(claim.domain);
    for (const other of [...scene.records(host).all('deal'), deal])
      if (other.phase === 'accepted' || other === deal)
        for (const { claim, to } of other.moves) if (to === host) after.add(claim.domain);
    const { capacity } = world.host(host);
    const limit = { memoryBytes: capacity.memoryLimitBytes, vcpus: capacity.vcpuLimit };
    // What it gives it held until now, also where an administrator has just shut that down.
    const given = deal.moves.filter(({ to }) => to !== host).map(({ claim }) => claim.domain);
    const [was, need] = [needOf(new Set([...before, ...given])), needOf(after)];
    const worst = {
      memoryBytes: Math.max(limit.memoryBytes, was.memoryBytes),
      vcpus: Math.max(limit.vcpus, was.vcpus),
    };
    if (isOver(need, worst))
      throw new Violation(
        name,
        [deal.id, ...after],
        `${host} agrees to hold ${text(need)} of ${text(limit)}: ${[...after].join(', ')}`,
      );
  };

  return {
    name,
    onEffect(host, effect) {
      if (effect.kind !== 'persist') return;
      const before = heldBy(host);
      for (const record of effect.records) if (record.kind === 'deal') agreed(host, record, before);
      for (const record of effect.records) {
        if (record.kind !== 'reservation' || record.value === null) continue;
        if (scene.records(host).get('reservation', record.key) !== undefined) continue;
        isNew.add(record.key);
      }
    },
    onPersisted(host, records) {
      for (const record of records)
        if (record.kind === 'reservation' && record.value !== null && isNew.delete(record.key))
          keptAnew(host, record.key);
    },
    onWorld(event) {
      if (event.kind !== 'migration-started') return;
      const bytes = scene.memoryUsed(event.target);
      const { memoryTransientBytes } = world.host(event.target).capacity;
      if (bytes > memoryTransientBytes)
        throw new Violation(
          name,
          [event.domain],
          `${event.target} takes in ${event.domain} with ${bytes} of ${memoryTransientBytes} bytes in use`,
        );
    },
  };
}
