/**
 * Policies hold at execution: what migrates may leave its host and may be on the target, by its definition at that
 * moment. A definition that changed so shortly before that its agent cannot have measured since is not held against it.
 */

import type { HostId } from '@barter/core';
import type { WorldDomain } from '@barter/sim';
import type { Checker, Scene } from '../scene.ts';
import { Violation } from '../violation.ts';

export function policies(scene: Scene): Checker {
  const name = 'policies';
  const { world, cluster } = scene;

  /** Whether the agent's last measurement shows the domain as it is defined now. */
  const isSeen = (host: HostId, domain: WorldDomain) => {
    const seen = cluster.host(host).state?.samples.get(domain.id);
    return (
      seen !== undefined &&
      JSON.stringify(seen.traits.policy) === JSON.stringify(domain.policy) &&
      (domain.blocked === undefined || seen.blocked !== undefined)
    );
  };

  return {
    name,
    onEffect(host, effect) {
      if (effect.kind !== 'migrate') return;
      const { domain: id, target } = effect.order;
      const domain = world.domain(id);
      if (domain === undefined || !isSeen(host, domain)) return;
      const fail = (text: string): never => {
        throw new Violation(name, [id], `${host} migrates ${id} to ${target}, although ${text}`);
      };
      const { frozen, pin, keepApart } = domain.policy;
      if (frozen) fail('its policy says frozen');
      if (domain.blocked !== undefined) fail(domain.blocked);
      if (pin !== undefined && !pin.includes(target)) fail(`it is pinned to ${pin.join(', ')}`);
      if (keepApart === undefined) return;
      const { running, arriving } = world.host(target);
      for (const other of [...running, ...arriving])
        if (other !== domain && other.policy.keepApart === keepApart && isSeen(target, other))
          fail(`${other.id} is there, and both are in the keep-apart group ${keepApart}`);
    },
  };
}
