import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { examineHost } from '../../src/doctor/examine-host.ts';
import { hostProbes } from '../../src/doctor/host-probes.ts';

describe('the probes of this machine', () => {
  const probes = hostProbes();
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'barter-doctor-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  it('read files and directories, and say when there are none', async () => {
    await writeFile(join(directory, 'a'), 'hello');
    await chmod(join(directory, 'a'), 0o640);
    expect(await probes.read(join(directory, 'a'))).toEqual({ kind: 'text', text: 'hello' });
    expect(await probes.read(join(directory, 'b'))).toEqual({ kind: 'missing' });
    expect(await probes.list(directory)).toEqual(['a']);
    expect(await probes.list(join(directory, 'b'))).toEqual([]);
    expect(await probes.stat(join(directory, 'a'))).toMatchObject({ mode: 0o640 });
    expect(await probes.stat(join(directory, 'b'))).toBeNull();
  });

  it('look at the nearest place that exists', async () => {
    const later = join(directory, 'not', 'yet', 'there');
    expect(await probes.mayWrite(later)).toBe(true);
    expect(await probes.freeBytes(later)).toBeGreaterThan(0);
  });

  it('tell an open socket from one that nobody listens at', async () => {
    const path = join(directory, 'a.sock');
    const server = createServer((socket) => socket.destroy());
    await new Promise<void>((resolve) => server.listen(path, resolve));
    expect(await probes.connectUnix(path)).toBe('open');
    await new Promise<void>((resolve) => server.close(() => resolve()));
    expect(await probes.connectUnix(path)).toBe('missing');
    await writeFile(path, '');
    expect(await probes.connectUnix(path)).toBe('refused');
  });

  it('tell a free port from a used one, and an address that is not ours', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    expect(await probes.tryListen('127.0.0.1', port)).toBe('in-use');
    await new Promise<void>((resolve) => server.close(() => resolve()));
    expect(await probes.tryListen('127.0.0.1', port)).toBe('free');
    expect(await probes.tryListen('192.0.2.1', port)).toBe('unavailable');
  });

  it('run programs and tell one that is not there', async () => {
    expect(await probes.run(process.execPath, ['-e', 'console.log(1); process.exit(3)'])).toEqual({
      kind: 'ended',
      code: 3,
      output: '1\n',
      errors: '',
    });
    expect(await probes.run('barter-no-such-program', [])).toEqual({ kind: 'missing' });
    expect((await probes.processNames()).size).toBeGreaterThan(0);
  });

  it('a whole examination starts with the configuration, and ends there when it is broken', async () => {
    const configPath = join(directory, 'barter.yaml');
    await mkdir(join(directory, 'state'));
    await writeFile(configPath, 'mode: wild\nlisten: x');
    const broken = await examineHost({ configPath, agentRunning: false });
    expect(broken.map(({ check, level }) => `${check} ${level}`)).toEqual([
      'configuration problem',
      'configuration problem',
    ]);
    await writeFile(
      configPath,
      `stateDirectory: ${directory}/state\nlisten: [/ip4/127.0.0.1/tcp/0]`,
    );
    const valid = await examineHost({ configPath, agentRunning: false });
    expect(valid[0]).toEqual({ check: 'configuration', level: 'ok', message: 'valid' });
    expect(valid.find(({ check }) => check === 'state')).toMatchObject({ level: 'ok' });
  });

  it('a configuration that only root may read is no problem for a member of the group while an agent runs', async () => {
    // Whoever runs this test may be root, to whom a directory is as unreadable.
    const configPath = directory;
    const levels = async (agentRunning: boolean, isRoot: boolean) =>
      (await examineHost({ configPath, agentRunning }, { ...probes, isRoot })).map(
        ({ check, level }) => `${check} ${level}`,
      );
    expect(await levels(true, false)).toEqual(['configuration warning']);
    expect(await levels(false, false)).toEqual(['configuration problem']);
    expect(await levels(true, true)).toEqual(['configuration problem']);
  });
});
