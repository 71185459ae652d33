/** An agent with VMs gets a new key by the commands of the operating page, while the other agent goes on. */

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { startVictim, type Victim } from './victim.ts';

const bin = fileURLToPath(new URL('../../packages/cli/bin/barter.mjs', import.meta.url));

let victim: Victim;
beforeAll(async () => {
  victim = await startVictim(8);
}, 120_000);
afterAll(() => victim.close());

const barter = async (...words: string[]): Promise<Record<string, unknown>> => {
  const all = [bin, '--config', victim.second.config, ...words, '--json'];
  return JSON.parse((await promisify(execFile)(process.execPath, all)).stdout);
};

async function idOf(name: string): Promise<string[]> {
  const peers = await victim.client.view('peers');
  return peers.ok ? peers.value.filter((peer) => peer.name === name).map(({ host }) => host) : [];
}

test('barter join TICKET --new-key', { timeout: 120_000 }, async () => {
  const [before] = await idOf('h2');
  const [, ticket = ''] = victim.tickets;
  await expect(barter('join', ticket, '--new-key')).rejects.toThrow('stop it first');
  await victim.second.stop();
  const joined = await barter('join', ticket, '--new-key');
  expect(joined).toMatchObject({ before });
  await victim.second.start();

  // Two members are called h2 now: only the id says which one is to go.
  const ambiguous = await victim.client.command('expel', { peer: 'h2' });
  expect(ambiguous).toMatchObject({ ok: false, code: 'ambiguous-peer' });
  const expelled = await victim.client.command('expel', { peer: before ?? '' });
  expect(expelled).toMatchObject({ ok: true });
  await vi.waitFor(async () => {
    expect(await idOf('h2')).toEqual([joined.host]);
    const domains = await victim.second.client.view('domains');
    // Its VMs are at home there under the new name, and nothing else changed hands.
    expect(domains.ok && domains.value.filter(({ home }) => home === 'h2').length).toBe(8);
    const ours = await victim.client.view('domains');
    expect(ours.ok && ours.value.filter(({ holder }) => holder === 'h1').length).toBe(8);
    // The other host knows where its partners are now.
    const traffic = await victim.client.view('traffic', { limit: 50 });
    expect(JSON.stringify(traffic)).toContain('h2-vm');
  }, 30_000);
});
