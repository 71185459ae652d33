/** What the configuration must fulfil beyond each key on its own. Pure: a configuration in, problems out. */

import type { RateOrShare } from './fields.ts';
import type { Config } from './schema.ts';

/** A broken rule: where to look first, and one sentence. */
export type BrokenRule = Readonly<{ path: readonly (string | number)[]; message: string }>;

export function brokenRules(config: Config): readonly BrokenRule[] {
  return [
    ...smoothing(config),
    ...swapBand(config),
    ...duplicates(config.listen, 'listen', 'address'),
    ...duplicates(config.cluster.bootstrap, 'cluster.bootstrap', 'address'),
    ...addresses(config),
  ];
}

function smoothing({ probe }: Config): BrokenRule[] {
  if (probe.smoothingSeconds >= probe.intervalSeconds) return [];
  return [
    {
      path: ['probe', 'smoothingSeconds'],
      message: `must not be below probe.intervalSeconds (${probe.intervalSeconds}): a window shorter than one reading smooths nothing`,
    },
  ];
}

function swapBand({ thresholds }: Config): BrokenRule[] {
  const { high, swapBand } = thresholds.nic;
  const [from, to] = swapBand;
  const path = ['thresholds', 'nic', 'swapBand'];
  const values = [high, from, to].map(magnitude);
  if (new Set([high, from, to].map((value) => 'share' in value)).size > 1) {
    return [
      {
        path,
        message:
          'must be written like thresholds.nic.high: all of them rates, or all of them percentages',
      },
    ];
  }
  const [top = 0, low = 0, upper = 0] = values;
  if (low >= upper) return [{ path, message: 'must be [LOW, HIGH] with LOW below HIGH' }];
  if (upper > top) {
    return [
      {
        path,
        message:
          'must end at or below thresholds.nic.high: a partner above the high watermark is overloaded itself',
      },
    ];
  }
  return [];
}

function duplicates(values: readonly string[], at: string, what: string): BrokenRule[] {
  return values.flatMap((value, index) =>
    values.indexOf(value) < index
      ? [{ path: [...at.split('.'), index], message: `names the ${what} ${value} a second time` }]
      : [],
  );
}

function addresses({ migration }: Config): BrokenRule[] {
  if (migration.address === 'auto' || /^[A-Za-z0-9:][A-Za-z0-9.:_-]*$/.test(migration.address))
    return [];
  return [
    { path: ['migration', 'address'], message: 'must be an IP address, a host name or auto' },
  ];
}

function magnitude(value: RateOrShare): number {
  return 'share' in value ? value.share : value.bitsPerSecond;
}
