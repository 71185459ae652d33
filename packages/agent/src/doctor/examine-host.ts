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
  probes = hostProbes(),
): Promise<readonly Finding[]> {
  const config = await loadConfig(options.configPath);
  if (!config.ok) {
    // Members of the control socket's group are not root; the agent has read it, and tells the rest.
    if (config.code === 'config-unreadable' && options.agentRunning && !probes.isRoot) {
      const message =
        'this user may not read it, and the agent has; run the doctor as root to look at it';
      return [{ check: 'configuration', level: 'warning', message }];
    }
    return config.message
      .split('\n')
      .map((message) => ({ check: 'configuration', level: 'problem', message }));
  }
  const findings = await examine({
    config:
      options.socketPath === undefined
        ? config.value
        : { ...config.value, control: { ...config.value.control, socket: options.socketPath } },
    probes,
    agentRunning: options.agentRunning,
  });
  return [{ check: 'configuration', level: 'ok', message: 'valid' }, ...findings];
}
