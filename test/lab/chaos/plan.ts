/**
 * What is broken when, and who talks to whom when, drawn from a seed before anything starts. The same seed plans
 * the same faults; what they hit differs, because the agents and guests are real.
 */

import { seeded, shuffled } from '../random.ts';

/** For how long a fault may last, in ms: the shortest and the longest. */
type Span = readonly [number, number];

type KindPlan = Readonly<{
  /** How often it is drawn, relative to the others. */
  weight: number;
  forMs: Span;
  /** The moments of a migration at which it may be aimed; empty = only in time. */
  moments: readonly Moment[];
}>;

/** Of a migration: the target's QEMU is there; memory moves; the guest stands at the source; it runs at the target. */
export type Moment = 'arriving' | 'transfer' | 'stopped' | 'resumed';

const anyMoment: readonly Moment[] = ['arriving', 'transfer', 'stopped', 'resumed'];

/** When the guest runs whoever is frozen or cut off: its memory has hardly begun to move, or it runs at the target. */
const whileItRuns: readonly Moment[] = ['arriving', 'resumed'];

/**
 * Guests give a connection up after 120 s without an answer (guest/talk.c), and after a cut they may wait as long again
 * until they send anew: no cut lasts longer than 55 s. Leases last 30 s (room for a migration) and 120 s (claims).
 * What lasts longer than TCP bears must not meet a hand-over: nobody could decide where the guest runs, and it would
 * stand still all the while.
 */
const kinds = {
  'agent-killed': { weight: 3, forMs: [500, 20_000], moments: anyMoment },
  'mover-killed': { weight: 2, forMs: [0, 0], moments: ['transfer', 'stopped'] },
  'libvirtd-killed': { weight: 3, forMs: [500, 10_000], moments: anyMoment },
  'agent-and-libvirtd-killed': { weight: 2, forMs: [500, 12_000], moments: anyMoment },
  'host-frozen': { weight: 2, forMs: [2_000, 15_000], moments: anyMoment },
  'host-frozen-beyond-leases': { weight: 0.5, forMs: [125_000, 140_000], moments: whileItRuns },
  'host-stalled': { weight: 1, forMs: [1_000, 8_000], moments: anyMoment },
  'uplink-cut': { weight: 2, forMs: [1_000, 15_000], moments: anyMoment },
  'uplink-cut-beyond-lease': { weight: 1, forMs: [35_000, 55_000], moments: ['transfer'] },
  'management-cut': { weight: 0.5, forMs: [125_000, 140_000], moments: whileItRuns },
  'uplink-crawl': { weight: 1, forMs: [15_000, 45_000], moments: ['arriving'] },
  'agent-disk-full': { weight: 1.5, forMs: [8_000, 25_000], moments: ['arriving', 'transfer'] },
  'agent-disk-full-restart': { weight: 1, forMs: [8_000, 20_000], moments: ['transfer'] },
  'libvirt-disk-full': { weight: 2, forMs: [8_000, 25_000], moments: ['arriving', 'transfer'] },
} as const satisfies Record<string, KindPlan>;

export type FaultKind = keyof typeof kinds;

export const faultKinds = Object.keys(kinds) as readonly FaultKind[];

/** Longest time for which a fault of this kind lasts, in ms. */
export function longestMs(kind: FaultKind): number {
  return kinds[kind].forMs[1];
}

/** Whether TCP does not bear it when a guest stands still, or has no path, for as long as such a fault lasts. */
export function isLong(kind: FaultKind): boolean {
  return longestMs(kind) > 60_000;
}

/** After the end of a fault its host gets so long to reach the others and decide what is open, before or after a long one. */
export const settleMs = 20_000;

export type Fault = Readonly<{
  id: number;
  /** Since the beginning of the run; an aimed fault waits from then on for its moment. */
  atMs: number;
  kind: FaultKind;
  /** The moment of a migration that it waits for; null = none. */
  moment: Moment | null;
  /** Which side of that migration it hits; without a moment `host` is hit. */
  side: 'source' | 'target';
  /** Which host is hit when it is not aimed, or no migration comes. */
  host: string;
  /** From its moment to the deed. */
  delayMs: number;
  /** How long it lasts; killed processes may be started again after that. */
  forMs: number;
  /** A further draw, in [0, 1): the rate of a crawl. */
  draw: number;
}>;

export type FaultPlan = Readonly<{ seed: number; minutes: number; hosts: readonly string[] }>;

/** Faults begin as far apart on average. */
const gapMs: Span = [7_000, 20_000];
/** Within every round there is a while in which nothing new is broken, so that something can be finished. */
const roundMs = 240_000;
const calmMs = 40_000;

/**
 * The faults of a run in the order of their times. A long one has its host for itself, and no other long one beside it.
 * Those that are aimed come later and elsewhere than planned: the gate sees to it once more.
 */
export function planFaults({ seed, minutes, hosts }: FaultPlan): readonly Fault[] {
  const next = seeded(seed);
  const between = ([least, most]: Span) => Math.round(least + next() * (most - least));
  const faults: Fault[] = [];
  let deck: readonly FaultKind[] = [];
  for (let atMs = between(gapMs); atMs < minutes * 60_000; atMs += between(gapMs)) {
    const fits = (kind: FaultKind) => freeHosts(kind, hosts, atMs, faults).length > 0;
    // A deck instead of dice: after every deal of it each kind has had its share. What does not fit now stays on top.
    if (!deck.some(fits)) deck = [...deck, ...shuffled(fullDeck(), next)];
    const index = deck.findIndex(fits);
    const kind = deck[index];
    if (kind === undefined) continue;
    deck = deck.toSpliced(index, 1);
    const { forMs, moments } = kinds[kind] as KindPlan;
    const aimed = kind === 'mover-killed' || next() < 0.6;
    const moment = aimed ? (pick(moments, next) ?? null) : null;
    const fault: Fault = {
      id: faults.length + 1,
      atMs,
      kind,
      moment,
      side: next() < 0.5 ? 'source' : 'target',
      host: pick(freeHosts(kind, hosts, atMs, faults), next) ?? 'h1',
      delayMs: between(delaySpan(kind, moment)),
      forMs: between(forMs),
      draw: next(),
    };
    if (atMs % roundMs < roundMs - calmMs) faults.push(fault);
  }
  return faults;
}

/** The hosts that a fault may be planned for at a time, after those that are planned already. */
function freeHosts(
  kind: FaultKind,
  hosts: readonly string[],
  atMs: number,
  planned: readonly Fault[],
): readonly string[] {
  const lasting = planned.filter((fault) => atMs < fault.atMs + fault.forMs + settleMs);
  const long = lasting.filter((fault) => isLong(fault.kind));
  if (!isLong(kind)) return hosts.filter((id) => !long.some(({ host }) => host === id));
  return long.length > 0 ? [] : hosts.filter((id) => !lasting.some(({ host }) => host === id));
}

/** How long after its moment a fault comes. A long one comes at once, before memory that a frozen host does not take is all sent. */
function delaySpan(kind: FaultKind, moment: Moment | null): Span {
  if (moment === null || isLong(kind)) return [0, 0];
  return moment === 'transfer' ? [0, 2_500] : [0, 150];
}

function fullDeck(): readonly FaultKind[] {
  return faultKinds.flatMap((kind) => Array<FaultKind>(kinds[kind].weight * 2).fill(kind));
}

function pick<Item>(items: readonly Item[], next: () => number): Item | undefined {
  return items[Math.floor(next() * items.length)];
}

export type Pair = Readonly<{ a: string; b: string; bitsPerSecond: number }>;

export type LoadPlan = Readonly<{
  /** Every pair that ever talks: its connections stay open from beginning to end. */
  pairs: readonly Readonly<{ a: string; b: string }>[];
  /** From `atMs` on these pairs talk at these rates (both directions added), all others hardly. */
  shifts: readonly Readonly<{ atMs: number; loud: readonly Pair[] }>[];
}>;

const shiftEveryMs: Span = [25_000, 45_000];
const loudBitsPerSecond: Span = [600_000, 1_200_000];
const circles = 3;

/**
 * Every guest has three partners, and talks loudly to one of them at a time; which one changes for all
 * guests at once, so that pairs that came together are pulled apart again.
 */
export function planLoad(seed: number, minutes: number, guests: readonly string[]): LoadPlan {
  const next = seeded(seed + 0x10ad);
  const between = ([least, most]: Span) => Math.round(least + next() * (most - least));
  const rounds = shuffled(matchings(guests), next).slice(0, circles);
  const shifts: { atMs: number; loud: readonly Pair[] }[] = [];
  let last = -1;
  for (let atMs = 0; atMs < minutes * 60_000; atMs += between(shiftEveryMs)) {
    const others = rounds.map((_, index) => index).filter((index) => index !== last);
    last = pick(others, next) ?? 0;
    const loud = (rounds[last] ?? []).map(
      ({ a, b }): Pair => ({ a, b, bitsPerSecond: between(loudBitsPerSecond) }),
    );
    shifts.push({ atMs, loud });
  }
  return { pairs: rounds.flat(), shifts };
}

/** All ways of the circle method to pair everybody at once; no pair occurs in two of them. One of an odd number rests. */
function matchings(guests: readonly string[]): readonly (readonly { a: string; b: string }[])[] {
  const seats = guests.length % 2 === 0 ? [...guests] : [...guests, ''];
  const [fixed = '', ...ring] = seats;
  return ring.map((_, turn) => {
    const turned = [fixed, ...ring.slice(turn), ...ring.slice(0, turn)];
    return Array.from({ length: seats.length / 2 }, (_, index) => ({
      a: turned[index] ?? '',
      b: turned[seats.length - 1 - index] ?? '',
    })).filter(({ a, b }) => a !== '' && b !== '');
  });
}
