/** Two domains that talk, on two of six hosts. */

import { entryOf, Hosts } from './hosts.ts';
import { domainId, hostId } from './world.ts';

export const names = ['a', 'b', 'c', 'd', 'e', 'f'];

/** v1 runs on a, v2 on b, and they talk. */
export function talking(): Hosts {
  const hosts = new Hosts(...names);
  hosts.sample('a', { v1: ['v2'] });
  hosts.sample('b', { v2: ['v1'] });
  hosts.pass(5_000);
  return hosts;
}

/** v1's claim goes from a to another host, as its home a registers it; from a itself as in a deal of the giver. */
export function giveAway(hosts: Hosts, to: string): void {
  const { version, holder } = entryOf(hosts.state('a'), 'v1');
  hosts.take(hostId('a'), {
    kind: 'messageReceived',
    from: holder,
    message: {
      kind: 'transfer',
      domain: domainId('v1'),
      version: version + 1,
      to: hostId(to),
      deal: 'deal' as never,
    },
  });
}
