/** What libvirt's bulk statistics say about one domain. */

import { domainState, numberOf, type TypedParameters } from '@barter/libvirt';

export function stateOf(parameters: TypedParameters): 'running' | 'paused' | 'other' {
  switch (numberOf(parameters, 'state.state')) {
    case domainState.running:
    case domainState.blocked:
      return 'running';
    case domainState.paused:
      return 'paused';
    default:
      return 'other';
  }
}

/** In bytes. */
export function maximumOf(parameters: TypedParameters): number {
  return (numberOf(parameters, 'balloon.maximum') ?? 0) * 1024;
}

/** Of the whole QEMU process where libvirt can tell; otherwise of its vCPU threads. */
export function cpuTimeNs(parameters: TypedParameters): number | undefined {
  const whole = numberOf(parameters, 'cpu.time');
  if (whole !== undefined) return whole;
  const times = [...parameters.keys()].filter((name) => /^vcpu\.\d+\.time$/.test(name));
  if (times.length === 0) return undefined;
  return times.reduce((sum, name) => sum + (numberOf(parameters, name) ?? 0), 0);
}
