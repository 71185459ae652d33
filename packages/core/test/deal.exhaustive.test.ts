import { expect, test } from 'vitest';
import type { DealId, HostId } from '../src/model/model.ts';
import { type Deal, type DealEvent, type DealReply, stepDeal } from '../src/trading/deal.ts';

/**
 * Walks every world that two hosts, a network that loses, repeats and reorders, and restarts after any
 * effect can reach with one deal. A world is what both disks hold and what is on the wire.
 */

type Side = 'proposer' | 'responder';
type Phase = Deal['phase'] | 'unaware';
type World = { proposer: Phase; responder: Phase; wire: string[]; responderLate: boolean };

const other = { proposer: 'responder', responder: 'proposer' } as const;
const proposalEndsMs = 10;
const patienceEndsMs = 100;
const patience = { committedMs: patienceEndsMs };

function deal(role: Side, phase: Deal['phase']): Deal {
  return {
    id: 'd1' as DealId,
    role,
    peer: other[role] as string as HostId,
    phase,
    exchange: { give: [], take: [] },
    moves: [],
    gainBitsPerSecond: 0,
    startedAtMs: 0,
    expiresAtMs: phase === 'proposed' ? proposalEndsMs : patienceEndsMs,
    endedAtMs: null,
    detail: '',
  };
}

function sent(world: World, to: Side, message: string): World {
  const packet = `${to} ${message}`;
  return world.wire.includes(packet)
    ? world
    : { ...world, wire: [...world.wire, packet].toSorted() };
}

/** Every world that one event can lead to: the host may die after any of the effects. */
function after(world: World, side: Side, event: DealEvent): World[] {
  const phase = world[side];
  if (phase === 'unaware') return [];
  const worlds = [world];
  for (const effect of stepDeal(deal(side, phase), event, patience).effects) {
    const now = worlds.at(-1) ?? world;
    if (effect.kind === 'persist') worlds.push({ ...now, [side]: effect.deal.phase });
    if (effect.kind === 'send') worlds.push(sent(now, other[side], effect.message));
    if (effect.kind === 'violation') throw new Error(`${side} ${phase} <- ${effect.signal}`);
  }
  return worlds;
}

function received(message: DealReply | 'decline', agreed: boolean): DealEvent {
  const base = { kind: 'received', nowMs: 1 } as const;
  switch (message) {
    case 'accept':
      return agreed
        ? {
            ...base,
            signal: 'accept',
            detail: '',
            terms: { exchange: { give: [], take: [] }, moves: [], gainBitsPerSecond: 1 },
          }
        : { ...base, signal: 'accept', detail: 'no gain' };
    case 'decline':
    case 'abort':
      return { ...base, signal: message, detail: '' };
    default:
      return { ...base, signal: message };
  }
}

function next(world: World): World[] {
  const found: World[] = [];
  for (const packet of world.wire) {
    const [to, message] = packet.split(' ') as [Side, DealReply | 'decline'];
    if (world[to] !== 'unaware') {
      found.push(...after(world, to, received(message, true)));
      found.push(...after(world, to, received(message, false)));
    } else if (message === 'propose') {
      found.push(sent(world, 'proposer', 'decline'));
      found.push({ ...world, responder: 'accepted' });
      found.push(sent({ ...world, responder: 'accepted' }, 'proposer', 'accept'));
    }
  }
  for (const side of ['proposer', 'responder'] as const) {
    for (const nowMs of [1, proposalEndsMs, patienceEndsMs]) {
      const late = side === 'responder' && nowMs === patienceEndsMs;
      const start = late ? { ...world, responderLate: true } : world;
      found.push(...after(start, side, { kind: 'ticked', nowMs }));
      found.push(...after(start, side, { kind: 'restarted', nowMs }));
    }
  }
  return found;
}

function walk(): { worlds: Map<string, World>; parents: Map<string, string[]> } {
  const start: World = {
    proposer: 'proposed',
    responder: 'unaware',
    wire: ['responder propose'],
    responderLate: false,
  };
  const worlds = new Map([[JSON.stringify(start), start]]);
  const parents = new Map<string, string[]>();
  for (const [key, world] of worlds) {
    for (const child of next(world)) {
      const childKey = JSON.stringify(child);
      parents.set(childKey, [...(parents.get(childKey) ?? []), key]);
      if (!worlds.has(childKey)) worlds.set(childKey, child);
    }
  }
  return { worlds, parents };
}

const bound = new Set<Phase>(['committed', 'done']);

test('no reachable world has one side bound and the other side free, unless patience ended', () => {
  const { worlds } = walk();
  expect(worlds.size).toBeGreaterThan(100);
  for (const world of worlds.values()) {
    const pair = `${world.proposer} ${world.responder}`;
    if (bound.has(world.proposer)) expect(world.responder, pair).not.toBe('aborted');
    if (world.responder === 'done') expect(['committed', 'done'], pair).toContain(world.proposer);
    // Void needs a responder that waited until its patience ended; then the homes' leases decide.
    if (world.responder === 'void' || world.proposer === 'void')
      expect(world.responderLate, pair).toBe(true);
    if (world.proposer === 'void') expect(world.responder, pair).toBe('void');
  }
});

test('every reachable world can still end, on both sides', () => {
  const { worlds, parents } = walk();
  const ended = (world: World): boolean =>
    ['done', 'aborted', 'void'].includes(world.proposer) &&
    ['unaware', 'done', 'aborted', 'void'].includes(world.responder);
  const canEnd = new Set([...worlds].filter(([, world]) => ended(world)).map(([key]) => key));
  expect(canEnd.size).toBeGreaterThan(0);
  for (const key of canEnd) for (const parent of parents.get(key) ?? []) canEnd.add(parent);
  expect(canEnd.size).toBe(worlds.size);
});

test('with nothing but time, both sides end: nobody waits for ever for a peer that is gone', () => {
  for (const role of ['proposer', 'responder'] as const) {
    for (const phase of ['proposed', 'accepted', 'committed'] as const) {
      if (role === 'proposer' ? phase === 'accepted' : phase !== 'accepted') continue;
      const { deal: ended } = stepDeal(
        deal(role, phase),
        { kind: 'ticked', nowMs: patienceEndsMs },
        patience,
      );
      expect(['done', 'aborted', 'void'], `${role} ${phase}`).toContain(ended.phase);
    }
  }
});
