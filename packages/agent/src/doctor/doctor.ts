/**
 * `barter doctor`: what would keep this host from measuring, bartering or migrating. Small checks that know
 * nothing of each other; one that fails or takes too long is a finding itself.
 */

import type { Finding } from '../api.ts';
import type { Config } from '../config/schema.ts';
import { agentChecks } from './agent-checks.ts';
import { hostChecks } from './host-checks.ts';
import { libvirtChecks } from './libvirt-checks.ts';
import { networkChecks } from './network-checks.ts';
import type { HostProbes } from './probes.ts';

export type Examination = Readonly<{
  config: Config;
  probes: HostProbes;
  /** Whether an agent answers at the control socket: its ports are then in use as they should be. */
  agentRunning: boolean;
}>;

/** One thing to look at. `run` gives no finding when the check does not apply here. */
export type Check = Readonly<{
  name: string;
  run: (examination: Examination) => Promise<readonly Verdict[]> | readonly Verdict[];
}>;

export type Verdict = Omit<Finding, 'check'>;

export const allChecks: readonly Check[] = [
  ...hostChecks,
  ...agentChecks,
  ...libvirtChecks,
  ...networkChecks,
];

const checkTimeoutMs = 2_500;

/** Runs the checks at the same time, and returns their findings in the order of the checks. */
export async function examine(
  examination: Examination,
  checks: readonly Check[] = allChecks,
): Promise<readonly Finding[]> {
  const findings = await Promise.all(
    checks.map(async ({ name, run }) => {
      const verdicts = await bounded(async () => run(examination));
      return verdicts.map((verdict) => ({ check: name, ...verdict }));
    }),
  );
  return findings.flat();
}

async function bounded(run: () => Promise<readonly Verdict[]>): Promise<readonly Verdict[]> {
  const { promise, resolve } = Promise.withResolvers<readonly Verdict[]>();
  const timer = setTimeout(
    () =>
      resolve([{ level: 'warning', message: 'this could not be looked at in time: try again' }]),
    checkTimeoutMs,
  );
  try {
    return await Promise.race([run(), promise]);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return [{ level: 'warning', message: `this could not be looked at: ${reason}` }];
  } finally {
    clearTimeout(timer);
  }
}
