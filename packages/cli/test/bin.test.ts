import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { version } from '../../agent/src/version.ts';
import { startFakeAgent } from './fake-agent.ts';

const root = new URL('../../../', import.meta.url).pathname;
const bin = join(root, 'packages/cli/bin/barter.mjs');

type Ended = { code: number | null; out: string; error: string };

async function ended(child: ChildProcess): Promise<Ended> {
  let [out, error] = ['', ''];
  child.stdout?.on('data', (chunk) => {
    out += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    error += chunk;
  });
  const [code] = await once(child, 'close');
  return { code, out, error };
}

describe('barter as a process of its own', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'barter-bin-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  const barter = (...words: string[]) => ended(spawn(process.execPath, [bin, ...words]));

  it('asks a running agent', async () => {
    const agent = await startFakeAgent();
    const { code, out, error } = await barter('status', '--json', '--socket', agent.socketPath);
    await agent.close();
    expect({ code, error }).toEqual({ code: 0, error: '' });
    expect(JSON.parse(out)).toMatchObject({ name: 'kvm1' });
  });

  it('exits 1 without an agent and 2 on wrong usage, with nothing on standard output', async () => {
    const gone = await barter('status', '--json', '--socket', join(directory, 'gone.sock'));
    expect(gone).toMatchObject({ code: 1, out: '' });
    expect(gone.error).toMatch(/^barter: no agent is running at .*\n$/);
    expect(await barter('wibble')).toMatchObject({ code: 2, out: '' });
  });

  it('makes a cluster without a running agent, once', async () => {
    const config = join(directory, 'barter.yaml');
    await writeFile(
      config,
      `name: kvm1\nstateDirectory: ${directory}/state\ncluster: { name: test, keyFile: ${directory}/host.key }\n`,
    );
    const made = await barter('init', '--json', '--config', config);
    expect(made).toMatchObject({ code: 0, error: '' });
    expect(JSON.parse(made.out)).toMatchObject({
      host: expect.stringMatching(/^12D3KooW/),
      clusterName: 'test',
    });
    const again = await barter('init', '--config', config);
    expect(again).toMatchObject({ code: 1, out: '' });
    expect(again.error).toContain('belongs to a cluster already');
    const joined = await barter('join', 'nonsense', '--config', config);
    expect(joined).toMatchObject({ code: 1, out: '' });
    expect(joined.error).toContain('not a whole ticket');
  });

  it('on an older Node it runs on its own one, passes signals on and ends as that did', async () => {
    // An old Node is played by this one with another version number; what it starts is this one, unchanged.
    const preload = join(directory, 'old.mjs');
    await writeFile(
      preload,
      "Object.defineProperty(process.versions, 'node', { value: '20.11.1' });\n",
    );
    const old = (...words: string[]) =>
      spawn(process.execPath, ['--import', preload, bin, ...words]);
    expect(await ended(old('--version'))).toMatchObject({ code: 0, out: `${version}\n` });
    expect(await ended(old('wibble'))).toMatchObject({ code: 2 });
    // `join -` waits for its ticket on standard input: long enough to be told to stop.
    const waiting = old('join', '-');
    const child = ended(waiting);
    await started(waiting);
    waiting.kill('SIGTERM');
    expect((await child).code).toBe(128 + 15);
  });

  it('knows the version that its packages have', async () => {
    for (const path of [
      'package.json',
      'packages/cli/package.json',
      'packages/agent/package.json',
    ]) {
      expect(JSON.parse(await readFile(join(root, path), 'utf8'))).toMatchObject({ version });
    }
  });
});

/** Resolves when the process has a child of its own, which then waits for its input. */
async function started(parent: ChildProcess): Promise<void> {
  const path = `/proc/${parent.pid}/task/${parent.pid}/children`;
  const deadline = performance.now() + 10_000;
  while ((await readFile(path, 'utf8')).trim() === '') {
    if (performance.now() > deadline) throw new Error('it started no process');
    await new Promise((resolve) => setImmediate(resolve));
  }
}
