import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { version } from '../../agent/src/version.ts';
import { startFakeAgent } from './fake-agent.ts';

const run = promisify(execFile);
const buildScript = new URL('../../../scripts/build.mjs', import.meta.url).pathname;

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
