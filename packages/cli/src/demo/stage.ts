/**
 * The demo's directory: keys, journals, sockets and logs of its agents, all in one place that goes away
 * with the demo. A demo that was killed leaves its directory behind; the next one clears it away.
 */

import { rmSync } from 'node:fs';
import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const prefix = 'barter-demo-';
/** What `mkdtemp` makes of the prefix, and nothing else that happens to begin like it. */
const ours = /^barter-demo-[A-Za-z0-9]{6}$/;
/** A directory without a listener is taken for abandoned when it is this old: its demo may be starting. */
const startingMs = 10_000;

export type Stage = Readonly<{
  directory: string;
  /** Removes everything. Safe to call twice. */
  clear(): Promise<void>;
  /** The same as far as it goes at once, for a process that is ending. */
  clearNow(): void;
}>;

/** Clears away what killed demos of this user left, and makes a directory for this one. */
export async function setStage(parent = tmpdir()): Promise<Stage> {
  await sweep(parent);
  const directory = await mkdtemp(join(parent, prefix));
  await chmod(directory, 0o700);
  // Whoever listens here is alive: a sign that a process id, which may be reused, is not.
  const alive = await listen(join(directory, aliveName));
  return {
    directory,
    clearNow() {
      try {
        rmSync(directory, { recursive: true, force: true });
      } catch {
        // An agent that is just being killed has written something: the next demo clears it away.
      }
    },
    async clear() {
      await new Promise<void>((resolve) => alive.close(() => resolve()));
      await rm(directory, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

const aliveName = 'alive.sock';

async function sweep(parent: string): Promise<void> {
  for (const name of await readdir(parent)) {
    if (!ours.test(name)) continue;
    const directory = join(parent, name);
    if (await isAbandoned(directory)) await rm(directory, { recursive: true, force: true });
  }
}

async function isAbandoned(directory: string): Promise<boolean> {
  const status = await stat(directory).catch(() => undefined);
  if (status?.isDirectory() !== true || status.uid !== process.getuid?.()) return false;
  const answer = await answers(join(directory, aliveName));
  if (answer === 'nothing-there') return Date.now() - status.mtimeMs > startingMs;
  return answer === 'nobody';
}

function answers(socketPath: string): Promise<'somebody' | 'nobody' | 'nothing-there'> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve('somebody');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ENOENT' ? 'nothing-there' : 'nobody');
    });
  });
}

async function listen(socketPath: string): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.end();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(socketPath, resolve);
  });
  // It is a sign of life, not a reason to live.
  server.unref();
  return server;
}
