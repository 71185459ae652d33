/**
 * An honest host is never distrusted. Every host of a run is honest about itself: its load, its room, its book and its
 * own domains (what the liars say is about others'). So whatever faults there are, nobody is left out of trading or
 * shut out for not doing as it says.
 */

import type { Checker } from '../scene.ts';
import { Violation } from '../violation.ts';

export function trust(): Checker {
  const name = 'trust';
  return {
    name,
    onEffect(host, effect) {
      if (effect.kind === 'shutOut')
        throw new Violation(name, [host], `${host} shuts ${effect.peer} out: ${effect.why}`);
      if (effect.kind !== 'log' || effect.code !== 'peer-distrusted') return;
      throw new Violation(name, [host], `${host} distrusts an honest host: ${effect.message}`);
    },
  };
}
