/**
 * What hits a simulated host harder than a failed migration: libvirt dying at the very end of one, and the
 * machine itself going away for ever.
 *
 *   libvirt dies at the source, nothing handed over   the guest is paused there and resumed by nobody; at the
 *                                                     target its copy is gone, or waits to be told to run
 *   libvirt dies at the source after handing over     the target runs it; a paused copy stays behind, or the
 *                                                     definition alone
 *   libvirt dies at the target, nothing handed over   the arriving guest is killed; the source resumes its own
 *   libvirt dies at the target after handing over     the target runs it, and the source was not told
 *
 * A paused copy is only ever resumed or thrown away by somebody who knows where else the domain runs: by agents
 * (`World.resume`, `World.discard`), or by whoever drives the simulation and plays the operator.
 */

import type { Ground, WorldDomain, WorldHost } from './ground.ts';

/** The source keeps a paused copy; if it was still the one that ran, the domain now runs nowhere. */
export function leaveBehind(world: Ground, domain: WorldDomain, source: WorldHost): void {
  source.paused.add(domain);
  if (source.running.has(domain)) world.stop(domain, source, false);
  source.sample = undefined;
}

/** An operator has looked at every host: the paused copy goes on here. False when it must not. */
export function resumePaused(world: Ground, domain: WorldDomain, host: WorldHost): boolean {
  if (!host.paused.has(domain) || !host.reachable) return false;
  if (world.hostsRunning(domain).length > 0) return false;
  host.paused.delete(domain);
  for (const other of world.hosts) other.shutOff.delete(domain);
  world.start(domain, host);
  return true;
}

/** An operator has looked at every host: the domain runs elsewhere, and its paused copy here is thrown away. */
export function discardPaused(world: Ground, domain: WorldDomain, host: WorldHost): boolean {
  if (!host.reachable || world.hostsRunning(domain).length === 0) return false;
  if (!host.paused.delete(domain)) return false;
  host.sample = undefined;
  world.emit({
    kind: 'stopped',
    atMs: world.nowMs(),
    host: host.id,
    domain: domain.id,
    migrated: false,
  });
  return true;
}

/** The machine is gone, with everything that ran on it. Migrations out of it and into it end as libvirt ends them. */
export function powerOff(world: Ground, host: WorldHost): readonly WorldDomain[] {
  world.setReachable(host.id, false);
  const lost = [...host.running];
  for (const domain of lost) world.stop(domain, host, false);
  host.shutOff.clear();
  host.paused.clear();
  host.sample = undefined;
  return lost;
}
