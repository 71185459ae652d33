/**
 * Our own reconnect loop: every target that is not connected is dialled again, for ever, with a growing
 * and jittered pause. libp2p's bootstrap dials once, and its keep-alive gives up after five attempts.
 */

import type { HostId } from '@barter/core';

const firstPauseMs = 250;
const longestPauseMs = 10_000;
/** The peer with the higher id lets the other go first, so that two do not dial each other at once. */
const politenessMs = 700;
const dialsAtOnce = 16;

type Options = Readonly<{
  self: HostId;
  isConnected: (host: HostId) => boolean;
  /** Resolves when the attempt is over, whether it worked or not. */
  dial: (host: HostId) => Promise<void>;
}>;

type Attempt = { pauseMs: number; timer: NodeJS.Timeout | undefined; isDialling: boolean };

export class Reconnect {
  readonly #options: Options;
  readonly #attempts = new Map<HostId, Attempt>();
  readonly #waiting: (() => void)[] = [];
  #dialling = 0;
  #isClosed = false;

  constructor(options: Options) {
    this.#options = options;
  }

  /** From now on keeps exactly these connected. */
  setTargets(targets: readonly HostId[]): void {
    if (this.#isClosed) return;
    const wanted = new Set(targets);
    for (const [host, attempt] of this.#attempts) {
      if (wanted.has(host)) continue;
      clearTimeout(attempt.timer);
      this.#attempts.delete(host);
    }
    for (const host of wanted) {
      if (this.#attempts.has(host)) continue;
      this.#attempts.set(host, { pauseMs: firstPauseMs, timer: undefined, isDialling: false });
      this.#schedule(host, this.#courtesyMs(host));
    }
  }

  connected(host: HostId): void {
    const attempt = this.#attempts.get(host);
    if (attempt === undefined) return;
    attempt.pauseMs = firstPauseMs;
    clearTimeout(attempt.timer);
    attempt.timer = undefined;
  }

  disconnected(host: HostId): void {
    this.#schedule(host, jittered(firstPauseMs) + this.#courtesyMs(host));
  }

  /** Dials soon instead of after the pause: an address became known. */
  hurry(host: HostId): void {
    const attempt = this.#attempts.get(host);
    if (attempt === undefined || attempt.isDialling) return;
    attempt.pauseMs = firstPauseMs;
    clearTimeout(attempt.timer);
    attempt.timer = undefined;
    this.#schedule(host, this.#courtesyMs(host));
  }

  close(): void {
    this.#isClosed = true;
    for (const attempt of this.#attempts.values()) clearTimeout(attempt.timer);
    this.#attempts.clear();
    for (const next of this.#waiting.splice(0)) next();
  }

  #schedule(host: HostId, pauseMs: number): void {
    const attempt = this.#attempts.get(host);
    if (attempt === undefined || attempt.isDialling || attempt.timer !== undefined) return;
    attempt.timer = setTimeout(() => {
      attempt.timer = undefined;
      void this.#attempt(host, attempt);
    }, pauseMs);
  }

  async #attempt(host: HostId, attempt: Attempt): Promise<void> {
    if (this.#options.isConnected(host)) return;
    attempt.isDialling = true;
    await this.#slot();
    try {
      if (!this.#isClosed && !this.#options.isConnected(host)) await this.#options.dial(host);
    } finally {
      this.#dialling -= 1;
      this.#waiting.shift()?.();
      attempt.isDialling = false;
    }
    if (this.#attempts.get(host) !== attempt || this.#options.isConnected(host)) return;
    const pauseMs = jittered(attempt.pauseMs);
    attempt.pauseMs = Math.min(longestPauseMs, attempt.pauseMs * 2);
    this.#schedule(host, pauseMs);
  }

  /** Waits until fewer than `dialsAtOnce` attempts are under way. */
  async #slot(): Promise<void> {
    if (this.#dialling >= dialsAtOnce) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    this.#dialling += 1;
  }

  #courtesyMs(host: HostId): number {
    return this.#options.self < host ? 0 : politenessMs;
  }
}

/** Between half of it and all of it, so that agents that lost each other together do not return together. */
function jittered(pauseMs: number): number {
  return pauseMs * (0.5 + Math.random() / 2);
}
