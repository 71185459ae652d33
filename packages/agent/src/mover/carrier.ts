/**
 * Carries bytes both ways between two sockets, and knows when that is over.
 *
 *   waiting ── first connection ──▶ carrying ── last one closed ──▶ lingering ── lingerMs ──▶ over
 *   waiting ── lease ends ──▶ over         any ── no byte for idleMs, or told to ──▶ over
 *
 *   carrying ── the last order's answer is missing ──▶ stays, until told to end or libvirtd hangs up
 *
 * The rule: a mover never waits for its agent. Whatever happens to that one, these limits end it. The one exception
 * is an order to run the domain whose answer is missing (order-guard.ts): nobody but the agents can find out.
 */

import type { Duplex, Transform } from 'node:stream';
import { pipeline } from 'node:stream';
import type { MoverStatus } from './job.ts';
import { monotonicMs } from './monotonic.ts';
import type { OrderState } from './order-guard.ts';

export type CarrierLimits = Readonly<{ leaseEndsAtMs: number; idleMs: number; lingerMs: number }>;

/** Read this much ahead on each side before pausing it: a few reads of the event loop's 64 KiB. */
export const highWaterMarkBytes = 1024 * 1024;

/** An order to run a domain is answered within a second or two; who waits longer may wait for ever. */
const answerOverdueMs = 10_000;

/** setTimeout takes no more (24 days). */
const timerMaxMs = 2 ** 31 - 1;

export class Carrier {
  readonly #limits: CarrierLimits;
  readonly #onOver: (reason: string) => void;
  readonly #open = new Set<Duplex>();
  #phase: MoverStatus['phase'] = 'waiting';
  #connections = 0;
  #finishedBytes = 0;
  readonly #counters = new Set<() => number>();
  #bytesSeen = 0;
  #movedAtMs: number;
  #timer: NodeJS.Timeout | undefined;
  readonly #ticker: NodeJS.Timeout;
  #over = false;
  /** Since when each guarded connection has waited for the answer to an order; undefined: it does not. */
  readonly #orders = new Map<object, { sinceMs: number; isHeld: boolean }>();
  readonly #onEnd = new Set<() => void>();

  /** `onOver` is called once, with the reason as one sentence; nothing is open any more then. */
  constructor(limits: CarrierLimits, onOver: (reason: string) => void) {
    this.#limits = limits;
    this.#onOver = onOver;
    this.#movedAtMs = monotonicMs();
    const leaseMs = Math.max(0, limits.leaseEndsAtMs - this.#movedAtMs);
    this.#timer = setTimeout(
      () => this.end('The lease ended before the migration began.'),
      Math.min(leaseMs, timerMaxMs),
    );
    const everyMs = Math.max(10, Math.min(limits.idleMs / 4, 10_000));
    this.#ticker = setInterval(() => this.#checkIdle(), everyMs);
  }

  get leased(): boolean {
    return !this.#over && monotonicMs() < this.#limits.leaseEndsAtMs;
  }

  get status(): Pick<MoverStatus, 'phase' | 'connections' | 'bytes' | 'ordered' | 'held'> {
    const { connections, bytes } = { connections: this.#connections, bytes: this.#bytes() };
    const [ordered, held] = [this.awaitsAnswer, this.#isHeld()];
    return { phase: this.#phase, connections, bytes, ordered, held };
  }

  /** A guarded connection waits for the answer to its order, or does no more: nothing but `end` ends it meanwhile. */
  order(who: object, state: OrderState, cut: () => void): void {
    if (state === 'none') {
      this.#orders.delete(who);
      this.#onEnd.delete(cut);
      if (this.#connections === 0 && this.#phase === 'carrying') this.#linger();
      return;
    }
    if (this.#over) {
      cut();
      return;
    }
    this.#onEnd.add(cut);
    const sinceMs = this.#orders.get(who)?.sinceMs ?? monotonicMs();
    this.#orders.set(who, { sinceMs, isHeld: state === 'held' });
  }

  /** An order to run the domain has been passed on, and its answer has not. */
  get awaitsAnswer(): boolean {
    return this.#orders.size > 0;
  }

  #isHeld(): boolean {
    const nowMs = monotonicMs();
    return [...this.#orders.values()].some(
      ({ sinceMs, isHeld }) => isHeld || nowMs - sinceMs >= answerOverdueMs,
    );
  }

  /**
   * Joins two sockets until both directions have ended or one of them fails, through `filter` from
   * `near` to `far` when there is one. Half-closed connections stay half open: QEMU relies on it.
   */
  join(near: Duplex, far: Duplex, count: () => number, filter?: Transform): void {
    if (this.#over) {
      near.destroy();
      far.destroy();
      return;
    }
    clearTimeout(this.#timer);
    this.#phase = 'carrying';
    this.#connections += 1;
    this.#counters.add(count);
    this.#open.add(near).add(far);
    // Two pipelines and a filter listen to each socket: more than Node expects, and no leak.
    near.setMaxListeners(30);
    far.setMaxListeners(30);
    let directions = 2;
    let halfOpen: NodeJS.Timeout | undefined;
    const cut = (): void => {
      near.destroy();
      far.destroy();
    };
    const finished = (error: NodeJS.ErrnoException | null | undefined): void => {
      if (error) cut();
      directions -= 1;
      clearInterval(halfOpen);
      if (directions === 0) this.#closed(near, far, count);
      else halfOpen = this.#whenStill(count, cut);
    };
    if (filter === undefined) pipeline(near, far, finished);
    else pipeline(near, filter, far, finished);
    pipeline(far, near, finished);
  }

  /** Ends everything at once, connections under way included. */
  end(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    clearInterval(this.#ticker);
    for (const socket of this.#open) socket.destroy();
    for (const cut of this.#onEnd) cut();
    this.#onOver(reason);
  }

  #closed(near: Duplex, far: Duplex, count: () => number): void {
    this.#connections -= 1;
    this.#finishedBytes += count();
    this.#counters.delete(count);
    this.#open.delete(near);
    this.#open.delete(far);
    if (this.#connections > 0 || this.#over || this.#orders.size > 0) return;
    this.#linger();
  }

  #linger(): void {
    this.#phase = 'lingering';
    this.#timer = setTimeout(
      () => this.end('The migration is over: its last connection closed.'),
      this.#limits.lingerMs,
    );
  }

  /** A connection that died looks half-closed from here: it may stay so only while bytes move. */
  #whenStill(count: () => number, cut: () => void): NodeJS.Timeout {
    let bytes = count();
    return setInterval(() => {
      const nowBytes = count();
      if (nowBytes === bytes) cut();
      bytes = nowBytes;
    }, this.#limits.lingerMs);
  }

  #checkIdle(): void {
    const bytes = this.#bytes();
    const nowMs = monotonicMs();
    if (bytes !== this.#bytesSeen) this.#movedAtMs = nowMs;
    this.#bytesSeen = bytes;
    if (this.#orders.size > 0) return;
    if (this.#phase === 'carrying' && nowMs - this.#movedAtMs >= this.#limits.idleMs)
      this.end(`No byte has moved for ${Math.round(this.#limits.idleMs / 1000)} s.`);
  }

  #bytes(): number {
    let bytes = this.#finishedBytes;
    for (const count of this.#counters) bytes += count();
    return bytes;
  }
}
