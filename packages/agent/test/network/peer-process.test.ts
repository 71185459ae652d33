import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Host, Hosts, must, until } from './hosts.ts';

let hosts: Hosts;
let child: ChildProcess | undefined;
beforeEach(() => {
  hosts = new Hosts();
});
afterEach(async () => {
  if (child?.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  await hosts.closeAll();
});

async function start(folder: string, ...ticket: string[]): Promise<ChildProcess> {
  const script = new URL('peer-process.ts', import.meta.url).pathname;
  const started = spawn(process.execPath, [script, folder, ...ticket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child = started;
  if (started.stdout === null) throw new Error('it has an output');
  await once(started.stdout, 'data');
  return started;
}

const isConnected = (host: Host) => host.network().peers()[0]?.connected === true;

async function pair(): Promise<Readonly<{ host: Host; folder: string; process: ChildProcess }>> {
  const host = await hosts.make('a');
  await host.init();
  await host.open();
  const { folder } = await hosts.make('process');
  const started = await start(folder, await host.invite());
  await until(() => isConnected(host), 'the process is connected');
  return { host, folder, process: started };
}

test('a process that is killed is noticed, and found again when it is started anew', async () => {
  const { host, folder, process: victim } = await pair();
  const peer = host.network().peers()[0]?.host;
  if (peer === undefined) throw new Error('it is a member');
  victim.kill('SIGKILL');
  await until(() => !isConnected(host), 'it is missed', 5000);
  expect(await host.network().request(peer, 'echo', 1, 5000)).toMatchObject({
    code: 'unreachable',
  });
  await start(folder);
  await until(() => isConnected(host), 'it is back');
  expect(must(await host.network().request(peer, 'echo', 'again', 5000))).toBe('again');
});

test('a process that hangs is noticed although its connection stays open, and so is its return', async () => {
  const { host, process: victim } = await pair();
  victim.kill('SIGSTOP');
  await until(() => !isConnected(host), 'its silence is noticed', 8000);
  victim.kill('SIGCONT');
  await until(() => isConnected(host), 'it is back');
});
