/** What a lab is to be like, and how that is written on a command line. */

import { LabError } from './process.ts';

export type Placement = 'split' | 'together' | 'random';

export type LabOptions = Readonly<{
  /** Namespaces and directories carry it; several labs may exist at once. */
  name: string;
  hosts: number;
  domains: number;
  /** What the two guests of a pair send each other, both directions added. */
  pairBitsPerSecond: number;
  guestMemoryBytes: number;
  /** Limit of every host's uplink, each direction; null = none. */
  uplinkBitsPerSecond: number | null;
  /** `split`: the guests of a pair on different hosts; `together`: on one; `random`: by `seed`. */
  placement: Placement;
  seed: number;
  agents: boolean;
  mode: 'observe' | 'advise' | 'auto';
  /** How many guests fit a host by its agent's memory limit; null = one more than an equal share. */
  guestsPerHost: number | null;
  /** How many more may be there for a moment while guests change places. */
  transientGuestsPerHost: number;
  /** Size of each of a host's own small file systems, for its agent's state and for libvirt's; null = this machine's disk. */
  diskBytes: number | null;
  /** Whether every QEMU has a second monitor that answers without libvirtd (guest.ts). */
  monitors: boolean;
  /** Further agent configuration, nested as in barter.yaml; wins over what the lab writes. */
  settings: Settings;
}>;

export type Settings = { readonly [key: string]: unknown };

export const defaultOptions: LabOptions = {
  name: 'barter',
  hosts: 3,
  domains: 6,
  pairBitsPerSecond: 10_000_000,
  guestMemoryBytes: 96 * 2 ** 20,
  uplinkBitsPerSecond: null,
  placement: 'split',
  seed: 1,
  agents: true,
  mode: 'auto',
  guestsPerHost: null,
  transientGuestsPerHost: 1,
  diskBytes: null,
  monitors: false,
  settings: {},
};

/** Fills in what is not given and refuses what cannot be built. Throws `LabError`. */
export function completeOptions(given: Partial<LabOptions>): LabOptions {
  const options = { ...defaultOptions, ...given };
  const problems = [
    /^[a-z][a-z0-9-]{0,23}$/.test(options.name)
      ? ''
      : '--name takes at most 24 of a-z, 0-9 and -, a letter first',
    whole(options.hosts, 1, 64) ? '' : '--hosts takes a whole number from 1 to 64',
    whole(options.domains, 0, 512) ? '' : '--domains takes a whole number from 0 to 512',
    options.guestMemoryBytes >= 64 * 2 ** 20 ? '' : 'a guest needs at least 64MiB',
    options.pairBitsPerSecond >= 0 ? '' : '--rate takes a rate such as 10mbit',
    options.uplinkBitsPerSecond === null || options.uplinkBitsPerSecond >= 1_000_000
      ? ''
      : '--uplink takes a rate of at least 1mbit',
  ].filter((problem) => problem !== '');
  if (problems.length > 0) throw new LabError(problems.join('; '));
  return options;
}

function whole(value: number, min: number, max: number): boolean {
  return Number.isInteger(value) && value >= min && value <= max;
}

/** `50mbit`, `1Gbit`, `2500000` → bits per second. Throws `LabError`. */
export function parseBitsPerSecond(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([kmg]?)(?:bit)?$/i.exec(text);
  if (!match) throw new LabError(`'${text}' is not a rate; write 50mbit, say`);
  const factor = { '': 1, k: 1e3, m: 1e6, g: 1e9 }[(match[2] ?? '').toLowerCase()] ?? 1;
  return Number(match[1]) * factor;
}

/** `trading.everySeconds=2` as a nested object; the value is JSON, or else text. Throws `LabError`. */
export function parseSetting(text: string): Settings {
  const equals = text.indexOf('=');
  if (equals < 1) throw new LabError(`--set takes KEY=VALUE, not '${text}'`);
  const raw = text.slice(equals + 1);
  let value: unknown = raw;
  try {
    value = JSON.parse(raw);
  } catch {
    // Not JSON: the text itself (10mbit, tunnel, …).
  }
  return text
    .slice(0, equals)
    .split('.')
    .reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Settings;
}

/** Merges settings key by key; the later one wins. */
export function mergeSettings(base: Settings, over: Settings): Settings {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const below = merged[key];
    merged[key] = isObject(below) && isObject(value) ? mergeSettings(below, value) : value;
  }
  return merged;
}

function isObject(value: unknown): value is Settings {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
