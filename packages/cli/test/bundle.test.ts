import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { version } from '../../agent/src/version.ts';
import { startFakeAgent } from './fake-agent.ts';

const run = promisify(execFile);
const buildScript = new URL('../../../scripts/build.mjs', import.meta.url).pathname;

/** Two VMs that talk, on two hosts: one of them moves. */
const twoHosts = {
  version: 1,
  distance: [0, 1],
  hosts: ['h1', 'h2'].map((id) => ({
    id,
    memoryBytes: 2 ** 33,
    vcpus: 8,
    nicBitsPerSecond: 1e10,
  })),
  domains: ['vm1', 'vm2'].map((id, index) => ({
    id,
    host: `h${index + 1}`,
    memoryBytes: 2 ** 30,
    vcpus: 1,
  })),
  traffic: [{ a: 'vm1', b: 'vm2', bitsPerSecond: 100e6 }],
};

describe('the bundle', () => {
  let directory: string;
  let barter: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'barter-bundle-'));
    await run(process.execPath, [buildScript, join(directory, 'built')]);
    // Alone in a directory: nothing beside it may be needed.
    barter = join(directory, 'barter.mjs');
    await copyFile(join(directory, 'built', 'barter.mjs'), barter);
  }, 60_000);
  afterAll(() => rm(directory, { recursive: true }));

  it('is one file that runs by itself', async () => {
    expect((await run(process.execPath, [barter, '--version'])).stdout).toBe(`${version}\n`);
    expect((await run(process.execPath, [barter, '--help'])).stdout).toContain('doctor');
    const agent = await startFakeAgent();
    const { stdout } = await run(process.execPath, [barter, 'moves', '--socket', agent.socketPath]);
    await agent.close();
    expect(stdout).toContain('web-3');
  });

  it('simulates by itself, and draws with chart.mjs beside it', async () => {
    const file = join(directory, 'cluster.json');
    await writeFile(file, JSON.stringify(twoHosts));
    const svg = join(directory, 'chart.svg');
    const { stdout } = await run(process.execPath, [barter, 'simulate', file]);
    expect(stdout).toContain('1 live migration');
    const words = ['simulate', file, '--chart', svg];
    await expect(run(process.execPath, [barter, ...words])).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^barter: cannot draw the chart: chart\.mjs.*\n$/),
    });
    await run(process.execPath, [join(directory, 'built', 'barter.mjs'), ...words]);
    const drawn = await readFile(svg, 'utf8');
    expect(drawn).toMatch(/^<svg .*/);
    expect(drawn).toMatch(/<\/svg>\n$/);
    expect(drawn, 'the move is marked').toMatch(/vm[12] → h[12]/);
  });

  it('finds nothing to do without a job, as the mover', async () => {
    for (const words of [[barter, 'mover'], [join(directory, 'built', 'mover.mjs')]]) {
      const child = run(process.execPath, words);
      child.child.stdin?.end();
      await expect(child).rejects.toMatchObject({
        code: 1,
        stdout: expect.stringContaining('"code":"bad-job"'),
      });
    }
  });

  it('says what it needs on an older Node that has no newer one beside it', async () => {
    const old =
      "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'20.1.0'})";
    await expect(run(process.execPath, ['--import', old, barter, 'status'])).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('needs Node 24 or later'),
    });
  });
});
