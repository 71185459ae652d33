/**
 * When the faults have stopped, everything that was begun ends in bounded time: deals, settlements, kept room, copies left
 * paused, and claims held away from home. What only an operator can decide, because the other host is gone for ever, is decided by one, in
 * half the seeds; in the others it is no end that an agent owes.
 */

import type { SimHost } from '@barter/sim';
import type { Checker, Scene } from '../scene.ts';
import { Violation } from '../violation.ts';

/** A home takes a claim back that nobody calls; calls that it refuses for a while begin that time anew. */
const awayMaxMs = 1_200_000;

type Open = Readonly<{
  key: string;
  subjects: readonly string[];
  what: string;
  /** Counted from when nothing of it gets on by itself any more. */
  limitMs: number;
  getsOn?: boolean;
}>;

export function endings(scene: Scene): Checker & Readonly<{ isQuiet(): boolean }> {
  const name = 'endings';
  const { hosts, facts, world, plan } = scene;
  const sinceMs = new Map<string, number>();
  /** By home and domain: how often its claim has come home. */
  const returns = new Map<string, number>();
  const { timing } = plan;

  const isWaiting = (host: string, domain: string) =>
    [...world.host(host).arriving].some(({ id }) => id === domain);

  const getsOn = (domain: string) => world.nowMs() < (scene.getsOnUntilMs(domain) ?? 0);

  const openOf = (host: SimHost): readonly Open[] => {
    const { id, state } = host;
    if (state === undefined) return [];
    const slackMs = 10_000;
    const open: Open[] = [];
    for (const { id: deal, phase, endedAtMs } of state.deals.values()) {
      if (endedAtMs !== null) continue;
      const limits = {
        proposed: timing.proposalMs,
        accepted: timing.inDoubtMs,
        committed: timing.committedMs,
      };
      const limitMs = slackMs + (limits[phase as 'proposed'] ?? 0);
      open.push({
        key: `${id} deal ${deal}`,
        subjects: [deal],
        what: `the deal ${deal} is ${phase}`,
        limitMs,
      });
    }
    for (const { settlement, domain, phase, to, detail } of state.settlements.values()) {
      if (phase !== 'migrating' && phase !== 'resolving') continue;
      if (plan.faults.operatorAway && !scene.isAlive(to) && phase === 'resolving') continue;
      open.push({
        key: `${id} settlement ${settlement}`,
        subjects: [settlement, domain],
        what: `the settlement ${settlement} of ${domain} to ${to} is ${phase} (${detail})`,
        limitMs: 120_000,
        getsOn: getsOn(domain),
      });
    }
    for (const { settlement, domain, phase, home } of state.reservations.values())
      open.push({
        key: `${id} reservation ${settlement}`,
        subjects: [settlement, domain],
        what: `room is kept for ${domain} from ${home} (${phase}, ${settlement})`,
        // What waits for an operator takes its room.
        limitMs:
          isWaiting(id, domain) && scene.waitsForOperator(home, id, domain) ? 200_000 : 80_000,
        getsOn: getsOn(domain),
      });
    for (const { claim, waiting } of state.holdings.values())
      open.push({
        key: `${id} holding ${claim.domain} v${claim.version}`,
        subjects: [claim.domain],
        what: `the claim on ${claim.domain} of ${claim.home} is held away from home (${waiting})`,
        limitMs: awayMaxMs,
      });
    for (const { domain, holder, settlement } of state.homes.values())
      if (holder !== id && settlement === null)
        open.push({
          // Back home and given away again between two looks: that is another time.
          key: `${id} home ${domain} after ${returns.get(`${id} ${domain}`) ?? 0} returns`,
          subjects: [domain],
          what: `the claim on ${domain}, at home here, is away at ${holder}`,
          // Whoever is gone for ever renews nothing; an agent that has just begun gives a whole lease once more.
          limitMs: scene.isAlive(holder)
            ? awayMaxMs
            : 2 * state.config.timing.claimLeaseMs + slackMs,
        });
    // Left by a migration that nobody else decides: the operator who is told of it does.
    for (const { id: domain } of world.host(id).paused)
      open.push({
        key: `${id} paused ${domain}`,
        subjects: [domain],
        what: `a paused copy of ${domain} is left`,
        limitMs: 200_000,
      });
    for (const { id: domain, migration } of world.host(id).arriving)
      if (migration === undefined)
        open.push({
          key: `${id} arriving ${domain}`,
          subjects: [domain],
          what: `a copy of ${domain} that came waits to be told to run`,
          limitMs: 200_000,
        });
    return open;
  };

  return {
    name,
    onPersisted(host, records) {
      for (const { kind, key, value } of records) {
        if (kind !== 'home' || value?.holder !== host) continue;
        returns.set(`${host} ${key}`, 1 + (returns.get(`${host} ${key}`) ?? 0));
      }
    },
    look() {
      const endedAtMs = facts.faultsEndedAtMs;
      if (endedAtMs === undefined) return;
      const seen = new Set<string>();
      for (const host of hosts) {
        for (const { key, subjects, what, limitMs, getsOn } of openOf(host)) {
          seen.add(key);
          if (getsOn || !sinceMs.has(key)) sinceMs.set(key, world.nowMs());
          const openMs = world.nowMs() - Math.max(endedAtMs, sinceMs.get(key) ?? 0);
          if (openMs > limitMs)
            throw new Violation(
              name,
              subjects,
              `${host.id}: for ${Math.round(openMs / 1000)} s now ${what}`,
            );
        }
      }
      for (const key of sinceMs.keys()) if (!seen.has(key)) sinceMs.delete(key);
    },
    isQuiet: () => hosts.every((host) => openOf(host).length === 0),
  };
}
