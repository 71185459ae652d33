/** A member in a process of its own, to be stopped and killed: `node peer-process.ts FOLDER [TICKET]`. */

import { join } from 'node:path';
import { joinCluster } from '../../src/network/join.ts';
import { openLibp2pNetwork } from '../../src/network/libp2p-network.ts';
import { must } from './hosts.ts';

const [folder = '.', ticket] = process.argv.slice(2);
const options = {
  keyFile: join(folder, 'host.key'),
  stateDirectory: join(folder, 'state'),
  name: 'process',
  clock: { nowMs: () => Date.now() },
};
if (ticket !== undefined) must(await joinCluster(ticket, options));
const network = must(
  await openLibp2pNetwork({
    ...options,
    listen: ['/ip4/127.0.0.1/tcp/0'],
    bootstrap: [],
    log: { log: () => {} },
  }),
);
network.onRequest('echo', async (_, body) => ({ ok: true, value: body }));
process.stdout.write('ready\n');
