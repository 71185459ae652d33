/** Two small programs for remote.test.ts: the owner of a world, and an agent that lives in it. */

import type { HostId } from '@barter/core';
import { connectWorld, parseCluster, World, WorldServer } from '../src/index.ts';
import { exampleDocument } from './example-cluster.ts';

const [role, path] = process.argv.slice(2);
if (path === undefined) throw new Error('usage: world-process.ts owner DIRECTORY | agent SOCKET');

if (role === 'owner') {
  const cluster = parseCluster(exampleDocument());
  if (!cluster.ok) throw new Error(cluster.message);
  await new WorldServer(new World(cluster.value), { directory: path }).listen();
  console.log('listening');
} else {
  await connectWorld({
    socket: path,
    self: 'agent' as HostId,
    smoothingSeconds: 1,
    onClosed: () => process.exit(7),
  });
  console.log('connected');
}
