/** What is fuzzed: how an input is made from dice, and what must hold when it is read. */

import type { Dice } from './random.ts';

export type Input = Uint8Array | string;

export type Target<Kind extends Input = Input> = Readonly<{
  name: string;
  /** What no single input may take: processor time, and memory beyond `bytesPerByte` times its length. */
  cpuMsMax: number;
  bytesMax: number;
  bytesPerByte: number;
  make(dice: Dice): Kind;
  /** Reads the input as the program would. Throws when the reader threw or what it let in breaks its rule. */
  read(input: Kind): void | Promise<void>;
  /** Takes away what it needed besides memory. */
  close?(): void;
}>;

/** Prepares a target: its good inputs, keys and so on. The same every time. */
export type Prepare = () => Promise<Target>;

export function broken(rule: string): never {
  throw new Error(`broken rule: ${rule}`);
}

export function target<Kind extends Input>(
  options: Omit<Target<Kind>, 'cpuMsMax' | 'bytesMax' | 'bytesPerByte'> &
    Partial<Pick<Target, 'cpuMsMax' | 'bytesMax' | 'bytesPerByte'>>,
): Target {
  const bounds = { cpuMsMax: 250, bytesMax: 8 * 1024 * 1024, bytesPerByte: 200 };
  // A target makes what it reads: the kind of its own inputs never has to be told apart outside.
  return { ...bounds, ...options } as unknown as Target;
}
