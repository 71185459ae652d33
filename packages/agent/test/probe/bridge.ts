/** A bridge with guests, each a network namespace of the test's own; traffic with known byte counts. */

import { execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Why this cannot be made here, or undefined when it can. */
export async function whyNoBridge(): Promise<string | undefined> {
  if (process.getuid?.() !== 0) return 'needs root';
  for (const tool of ['ip', 'nft']) {
    const found = await run('which', [tool]).catch(() => undefined);
    if (found === undefined) return `needs ${tool}: sudo npm run lab:install`;
  }
  return undefined;
}

export type Bridge = Readonly<{
  /** The namespace that plays the host. */
  host: string;
  nft: readonly string[];
  macOf: (guest: number) => string;
  /** Sends `count` UDP datagrams of `bytes` payload from one guest to another; resolves when they are sent. */
  send: (from: number, to: number, bytes: number, count: number) => Promise<void>;
  /** One datagram to everyone. */
  broadcast: (from: number) => Promise<void>;
  remove: () => Promise<void>;
}>;

const ip = (...args: string[]) => run('ip', args);

export async function createBridge(guests: number): Promise<Bridge> {
  const id = randomBytes(3).toString('hex');
  const host = `pb${id}h`;
  const guest = (index: number) => `pb${id}g${index}`;
  const macOf = (index: number) => `02:00:00:00:00:0${index}`;
  const addressOf = (index: number) => `10.99.0.${index}`;
  // Nobody's address: the guest behind the MAC drops it in silence, where a closed port would answer.
  const sinkOf = (index: number) => `10.99.1.${index}`;
  await ip('netns', 'add', host);
  await ip('-n', host, 'link', 'add', 'br0', 'type', 'bridge');
  await ip('-n', host, 'link', 'set', 'br0', 'up');
  const all = Array.from({ length: guests }, (_, index) => index + 1);
  for (const index of all) {
    const name = guest(index);
    await ip('netns', 'add', name);
    const peer = ['peer', 'name', 'eth0', 'address', macOf(index), 'netns', name];
    await ip('-n', host, 'link', 'add', `p${index}`, 'type', 'veth', ...peer);
    await ip('-n', host, 'link', 'set', `p${index}`, 'master', 'br0', 'up');
    await ip('-n', name, 'link', 'set', 'eth0', 'up');
    // No IPv6: neighbour discovery would add packets of its own.
    await run('ip', ['netns', 'exec', name, 'sysctl', '-qw', 'net.ipv6.conf.eth0.disable_ipv6=1']);
    await ip('-n', name, 'address', 'add', `${addressOf(index)}/16`, 'dev', 'eth0');
    for (const other of all.filter((each) => each !== index)) {
      // Known beforehand: no ARP, so that every byte on the bridge is the test's.
      const neighbour = [sinkOf(other), 'lladdr', macOf(other), 'dev', 'eth0', 'nud', 'permanent'];
      await ip('-n', name, 'neighbour', 'add', ...neighbour);
    }
    // Known to the bridge as well: nothing is flooded.
    await run('ip', [
      'netns',
      'exec',
      host,
      'bridge',
      'fdb',
      'replace',
      macOf(index),
      'dev',
      `p${index}`,
      'master',
      'static',
    ]);
  }
  const sendFrom = (from: number, target: string, bytes: number, count: number) =>
    inGuest(guest(from), sender(target, bytes, count));
  return {
    host,
    nft: ['ip', 'netns', 'exec', host, 'nft'],
    macOf,
    send: (from, to, bytes, count) => sendFrom(from, sinkOf(to), bytes, count),
    broadcast: (from) => sendFrom(from, '10.99.255.255', 100, 1),
    remove: async () => {
      for (const name of [...all.map(guest), host])
        await ip('netns', 'delete', name).catch(() => {});
    },
  };
}

function sender(target: string, bytes: number, count: number): string {
  return `
    const socket = require('node:dgram').createSocket('udp4');
    socket.bind(0, () => {
      socket.setBroadcast(true);
      let left = ${count};
      const next = () => left-- > 0 ? socket.send(Buffer.alloc(${bytes}), 9, '${target}', next) : socket.close();
      next();
    });`;
}

function inGuest(namespace: string, program: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn('ip', ['netns', 'exec', namespace, process.execPath, '-e', program], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.once('error', reject);
    child.once('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`sender: code ${code}`)),
    );
  });
}
