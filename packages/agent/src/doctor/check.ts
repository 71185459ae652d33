/** What one check of `barter doctor` is given, and what it answers. */

import type { Finding } from '../api.ts';
import type { Config } from '../config/schema.ts';
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

export function fine(message: string): Verdict[] {
  return [{ level: 'ok', message }];
}

export function warning(message: string): Verdict[] {
  return [{ level: 'warning', message }];
}

export function problem(message: string): Verdict[] {
  return [{ level: 'problem', message }];
}
