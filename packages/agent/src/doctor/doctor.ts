/**
 * `barter doctor`: what would keep this host from measuring, bartering or migrating. Small checks that know
 * nothing of each other; one that fails or takes too long is a finding itself.
 */

import type { Finding } from '../api.ts';
import { agentChecks } from './agent-checks.ts';
import type { Check, Examination, Verdict } from './check.ts';
import { hostChecks } from './host-checks.ts';
import { libvirtChecks } from './libvirt-checks.ts';
import { networkChecks } from './network-checks.ts';

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
