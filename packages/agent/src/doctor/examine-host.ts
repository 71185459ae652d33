/** The whole local examination: configuration first, then everything that can be checked with it. */

import type { Finding } from '../api.ts';
import { loadConfig } from '../config/load.ts';
import { examine } from './doctor.ts';
import { hostProbes } from './host-probes.ts';

/**
 * @param socketPath the control socket, when it is not the configured one
 * @param agentRunning whether an agent answers there
 * @returns findings, the configuration's problems first; with a broken configuration only those
 */
export async function examineHost(
  options: Readonly<{ configPath?: string; socketPath?: string; agentRunning: boolean }>,
): Promise<readonly Finding[]> {
  const config = await loadConfig(options.configPath);
  if (!config.ok) {
    return config.message
      .split('\n')
      .map((message) => ({ check: 'configuration', level: 'problem', message }));
  }
  const findings = await examine({
    config:
      options.socketPath === undefined
        ? config.value
        : { ...config.value, control: { ...config.value.control, socket: options.socketPath } },
    probes: hostProbes(),
    agentRunning: options.agentRunning,
  });
  return [{ check: 'configuration', level: 'ok', message: 'valid' }, ...findings];
}
