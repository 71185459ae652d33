/**
 * Addresses from the configuration: dialled, and again with a growing pause, as long as no member is
 * connected. From the first connection on, the roster and the address book know better.
 */

const firstPauseMs = 1000;
const longestPauseMs = 30_000;

type Options = Readonly<{
  addresses: readonly string[];
  isNeeded: () => boolean;
  dial: (address: string) => Promise<void>;
}>;

export class Bootstrap {
  readonly #options: Options;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: Options) {
    this.#options = options;
  }

  start(): void {
    if (this.#options.addresses.length > 0) void this.#round(firstPauseMs);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #round(pauseMs: number): Promise<void> {
    const { addresses, isNeeded, dial } = this.#options;
    let nextMs = firstPauseMs;
    if (isNeeded()) {
      nextMs = Math.min(longestPauseMs, pauseMs * 2);
      await Promise.all(addresses.map((address) => dial(address)));
    }
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => void this.#round(nextMs), pauseMs * (0.5 + Math.random() / 2));
  }
}
