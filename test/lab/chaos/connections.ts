/**
 * The guests' TCP connections, as the guests themselves count them, and how loudly they talk on them. Every
 * connection is opened once, before anything is broken, and has to last: one that ends is lost.
 */

import { type Counters, readCounters, setRate } from '../guest.ts';
import type { Lab } from '../lab.ts';
import { forEachBounded, poll } from '../process.ts';
import type { GuestState } from '../state.ts';
import type { LoadPlan, Pair } from './plan.ts';

/** A connection that ended at one guest's end. */
export type Loss = Readonly<{
  /** When it was noticed; it happened since `lastGoodAtMs`. */
  atMs: number;
  lastGoodAtMs: number;
  guest: string;
  peer: string;
  count: number;
}>;

/** Quiet partners keep their connection busy enough to notice its end: a few bytes a second. */
export const quietBitsPerSecond = 80;
const readEveryMs = 3_000;

export class Connections {
  readonly losses: Loss[] = [];
  readonly #lab: Lab;
  readonly #load: LoadPlan;
  #loud: readonly Pair[] = [];
  readonly #last = new Map<string, Readonly<{ atMs: number; counters: Counters }>>();
  #reading: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(lab: Lab, load: LoadPlan) {
    this.#lab = lab;
    this.#load = load;
  }

  /** How many connections there are: each guest of a pair holds one to the other. */
  get watched(): number {
    return 2 * this.#load.pairs.length;
  }

  /** Opens every connection and waits until each carries data; from then on none may end. False when some did not within the time. */
  async open(withinMs: number): Promise<boolean> {
    const carries = async () => {
      await this.#read();
      return this.allCarry();
    };
    const open = await poll(carries, withinMs, 500);
    // What was lost on the way to a first connection is nobody's loss.
    this.losses.length = 0;
    if (open) this.#next();
    return open;
  }

  /** From now on these pairs talk loudly and all others hardly. */
  shift(loud: readonly Pair[]): void {
    this.#loud = loud;
  }

  /** By the last reading: whether every connection is established and has carried data. */
  allCarry(): boolean {
    return this.#lab.state.guests.every(({ id }) => this.silent(id).length === 0);
  }

  /** The partners of a guest to which it has no connection, or from which nothing ever came; all when it never answered. */
  silent(guest: string): readonly string[] {
    const counters = this.#last.get(guest)?.counters;
    return this.#partners(guest).filter((partner) => {
      const peer = counters?.peers.find(
        ({ address }) => address === this.#lab.guest(partner).address,
      );
      return peer?.connected !== true || peer.receivedBytes === 0;
    });
  }

  /** Bytes received by each guest so far, by the last reading. */
  received(): ReadonlyMap<string, number> {
    const sum = ({ peers }: Counters) =>
      peers.reduce((bytes, peer) => bytes + peer.receivedBytes, 0);
    return new Map([...this.#last].map(([guest, { counters }]) => [guest, sum(counters)]));
  }

  /** Reads every guest once more. */
  async read(): Promise<void> {
    await this.#reading;
    await this.#read();
  }

  async end(): Promise<void> {
    this.#ended = true;
    clearTimeout(this.#timer);
    await this.#reading;
  }

  #next(): void {
    if (this.#ended) return;
    this.#timer = setTimeout(() => {
      this.#reading = this.#read().then(() => this.#next());
    }, readEveryMs);
  }

  async #read(): Promise<void> {
    await forEachBounded(this.#lab.state.guests, 4, async (guest) => {
      const counters = await readCounters(this.#lab.state, guest);
      if (!counters) return;
      this.#compare(guest.id, counters);
      this.#last.set(guest.id, { atMs: Date.now(), counters });
      await this.#adjust(guest, counters);
    });
  }

  #compare(guest: string, counters: Counters): void {
    const before = this.#last.get(guest);
    for (const peer of counters.peers) {
      const known = before?.counters.peers.find(({ address }) => address === peer.address);
      const count = peer.connectionsLost - (known?.connectionsLost ?? 0);
      if (count <= 0) continue;
      const name = this.#lab.state.guests.find(({ address }) => address === peer.address)?.id;
      const lastGoodAtMs = before?.atMs ?? 0;
      this.losses.push({
        atMs: Date.now(),
        lastGoodAtMs,
        guest,
        peer: name ?? peer.address,
        count,
      });
    }
  }

  /** Tells a guest the rates it does not have yet. One that does not listen now is told at the next reading. */
  async #adjust(guest: GuestState, counters: Counters): Promise<void> {
    for (const partner of this.#partners(guest.id)) {
      const to = this.#lab.guest(partner);
      const wanted = this.#rate(guest.id, partner);
      const has = counters.peers.find(({ address }) => address === to.address);
      if (has && Math.abs(has.bitsPerSecond - wanted) < 1) continue;
      if ((await setRate(this.#lab.state, guest, to, wanted)) !== null) return;
    }
  }

  #rate(guest: string, partner: string): number {
    const pair = this.#loud.find(({ a, b }) => joins(a, b, guest, partner));
    return pair ? pair.bitsPerSecond / 2 : quietBitsPerSecond;
  }

  #partners(guest: string): readonly string[] {
    return this.#load.pairs.flatMap(({ a, b }) => (a === guest ? [b] : b === guest ? [a] : []));
  }
}

function joins(a: string, b: string, one: string, other: string): boolean {
  return (a === one && b === other) || (a === other && b === one);
}
