import { afterEach, beforeEach, expect, test } from 'vitest';
import { Hosts, isFullyConnected, until } from './hosts.ts';

/** The core has a peer shut out that does not do as it says: it is cut off, named with the reason, and stays out. */

let hosts: Hosts;
beforeEach(() => {
  hosts = new Hosts();
});
afterEach(() => hosts.closeAll());

test('a peer that the core distrusts is cut off, and others are not', async () => {
  const [a, b, c] = await hosts.cluster('a', 'b', 'c');
  if (!a || !b || !c) throw new Error('three hosts were made');
  const why = 'it tells of room, and finds nothing to gain';
  a.network().shutOut(b.network().self, 600_000, why);
  const isConnected = (peer: string) =>
    a
      .network()
      .peers()
      .some(({ host, connected }) => host === peer && connected);
  await until(() => !isConnected(b.network().self), 'the peer is cut off');
  expect(isConnected(c.network().self)).toBe(true);
  const named = a.logged.filter(({ code }) => code === 'peer-shut-out');
  expect(named).toHaveLength(1);
  expect(named[0]?.message).toContain(b.network().self);
  expect(named[0]?.message).toContain(why);
  // The others still talk to it.
  expect(isFullyConnected(c, 3)).toBe(true);
});
