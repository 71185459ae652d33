/**
 * A live migration by hand, as an administrator would make it with virsh, without any agent: the source's
 * libvirtd and QEMU connect to two Unix sockets in their host, and plain pipes of this process join
 * them to the target's. It is the proof that the lab's hosts can migrate at all, and the administrator who
 * interferes in the stories.
 */

import { mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { inHost, libvirtSocket, outside } from './host.ts';
import { LabError, run } from './process.ts';
import type { HostState } from './state.ts';

const socketDirectory = '/run/by-hand';

export type HandMigration = Readonly<{
  seconds: number;
  downtimeMs: number | null;
  bytes: number | null;
}>;

/** Moves a running domain. Throws `LabError` with virsh's words when it does not move. */
export async function migrateByHand(
  domain: string,
  source: HostState,
  target: HostState,
): Promise<HandMigration> {
  const libvirt = `${socketDirectory}/${target.id}-libvirt.sock`;
  const memory = `${socketDirectory}/${domain}.sock`;
  mkdirSync(outside(source, socketDirectory), { recursive: true });
  mkdirSync(outside(target, socketDirectory), { recursive: true });
  const pipes = await Promise.all([
    joinSockets(outside(source, libvirt), libvirtSocket(target)),
    joinSockets(outside(source, memory), outside(target, memory)),
  ]);
  const start = performance.now();
  try {
    const result = await run(
      inHost(source, [
        'virsh',
        'migrate',
        '--live',
        '--p2p',
        '--persistent',
        '--undefinesource',
        domain,
        `qemu+unix:///system?socket=${libvirt}`,
        '--migrateuri',
        `unix://${memory}`,
      ]),
      { timeoutMs: 180_000 },
    );
    const seconds = (performance.now() - start) / 1000;
    if (result.code !== 0)
      throw new LabError(
        `virsh migrate ${domain} ${source.id} → ${target.id}: ${result.stderr.trim()}`,
      );
    const job = await run(
      inHost(target, ['virsh', 'domjobinfo', '--completed', '--rawstats', domain]),
    );
    const statistic = (name: string) => {
      const match = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(job.stdout);
      return match ? Number(match[1]) : null;
    };
    return { seconds, downtimeMs: statistic('downtime'), bytes: statistic('memory_processed') };
  } finally {
    for (const close of pipes) close();
  }
}

/** Listens on one Unix socket and joins every connection to another; returns what ends it. */
function joinSockets(listenAt: string, joinTo: string): Promise<() => void> {
  rmSync(listenAt, { force: true });
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ path: joinTo, allowHalfOpen: true });
    for (const socket of [near, far]) {
      open.add(socket);
      // One side that breaks takes the other with it: libvirt and QEMU see the end and report it.
      socket.on('error', () => {
        near.destroy();
        far.destroy();
      });
      socket.on('close', () => open.delete(socket));
    }
    near.pipe(far);
    far.pipe(near);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(listenAt, () =>
      resolve(() => {
        server.close();
        for (const socket of open) socket.destroy();
        rmSync(listenAt, { force: true });
      }),
    );
  });
}
