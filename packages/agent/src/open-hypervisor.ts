/** The hypervisor and the traffic probe of this host: the real ones, or the demo's simulated ones. */

import type { Config } from './config/schema.ts';
import type { HypervisorNeeds, OpenHypervisor } from './hypervisor-needs.ts';
import { failure, type Result, success } from './result.ts';

/** Errors: `no-world` (simulated only). A libvirt that is down is waited for. */
export async function openHypervisor(
  config: Config,
  needs: HypervisorNeeds,
): Promise<Result<OpenHypervisor>> {
  // Loaded only when asked for: a real host has no use for the simulation, nor the demo for libvirt.
  if (config.hypervisor.kind === 'simulated') return openSimulated(config, needs);
  const { openLibvirtHost } = await import('./libvirt-host.ts');
  return openLibvirtHost(config, needs);
}

async function openSimulated(
  config: Config,
  needs: HypervisorNeeds,
): Promise<Result<OpenHypervisor>> {
  const { connectWorld } = await import('@barter/sim');
  try {
    const { hypervisor, probe } = await connectWorld({
      socket: config.hypervisor.socket,
      self: needs.network.self,
      smoothingSeconds: config.probe.smoothingSeconds,
      onClosed: () => needs.onGone('the simulated world has ended'),
    });
    return success({ hypervisor, probe, problems: () => [], findings: async () => [] });
  } catch (error) {
    return failure('no-world', error instanceof Error ? error.message : String(error));
  }
}
