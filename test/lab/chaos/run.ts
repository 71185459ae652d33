/** One run: build the lab, let the storm rage on it, take it away. */

import { mkdirSync, rmSync } from 'node:fs';
import { thisProcess } from '../abandoned.ts';
import { tearDown } from '../down.ts';
import { LabError } from '../process.ts';
import { readState, withLabLock } from '../state.ts';
import { upLab } from '../up.ts';
import { quietBitsPerSecond } from './connections.ts';
import type { ChaosOptions } from './options.ts';
import { type RunContext, rage } from './rage.ts';
import type { Report } from './report.ts';

/**
 * Plenty of migrations to break. Agents trade by the second, and a guest may move again soon. The preset is
 * the one that acts on loads as they are now: by default a load that does not last half a payback time moves nothing.
 * With so low a watermark it brings together whoever talks.
 */
const settings = {
  preset: 'threshold',
  thresholds: { nic: { high: '100kbit', swapBand: ['50kbit', '80kbit'] } },
  probe: { intervalSeconds: 1, smoothingSeconds: 4 },
  trading: { everySeconds: 1, settleAfterSeconds: 2, cooldownSeconds: 5, minGain: '100kbit' },
};
const diskBytes = 24 * 2 ** 20;

/**
 * Returns the report, or null when interrupted; the lab is gone then, unless it is to be kept. Throws `LabError`
 * when the lab cannot be built.
 */
export function runChaos(options: ChaosOptions, context: RunContext): Promise<Report | null> {
  // Held for the whole run: a second run on the same lab would take this one's hosts away.
  return withLabLock(`${options.name}-run`, async () => {
    const { name, hosts, domains } = options;
    mkdirSync(options.output, { recursive: true });
    rmSync(`${options.output}/events.jsonl`, { force: true });
    const earlier = readState(name);
    if (earlier && !earlier.options.monitors)
      throw new LabError(
        `lab '${name}' is not a chaos run's; take it down, or choose another --name`,
      );
    if (earlier) {
      context.say(`removing what an earlier run left of lab '${name}'`);
      await withLabLock(name, () => tearDown(name));
    }
    try {
      const shape = { name, hosts, domains, seed: options.seed, placement: 'random' as const };
      // The plan says who talks to whom: the lab's own pairs hardly do.
      const quiet = { pairBitsPerSecond: 2 * quietBitsPerSecond };
      // So few that not all of them gather on two hosts, where most faults would miss them.
      const guestsPerHost = Math.max(2, Math.ceil(domains / hosts));
      const lab = await upLab(
        { ...shape, ...quiet, guestsPerHost, settings, diskBytes, monitors: true },
        context.say,
        options.keep ? null : thisProcess(),
      );
      return await rage(lab, options, context);
    } finally {
      if (!options.keep) await withLabLock(name, () => tearDown(name));
    }
  });
}
