/** Two agents in a process that the test kills: opens the path, says where, and stays. */

import { argv } from 'node:process';
import { createAgents, facts, order } from './harness.ts';

const agents = createAgents(argv[2] ?? '');
const opened = await agents.path.open(order, facts);
if (!opened.ok) throw new Error(opened.message);
const libvirt = decodeURIComponent(opened.value.destinationUri.split('socket=')[1] ?? '');
const memory = (opened.value.migrateUri ?? '').replace('unix://', '');
process.stdout.write(`${JSON.stringify({ libvirt, memory })}\n`);
setInterval(() => {}, 60_000);
