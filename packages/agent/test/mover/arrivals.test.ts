import { readFile } from 'node:fs/promises';
import type { HostId, MigrationOrder } from '@barter/core';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { plainPath } from '../../src/mover/plain-path.ts';
import { failure } from '../../src/result.ts';
import { domainXml, gibibyte } from './calls.ts';
import {
  createAgents,
  facts,
  filesLeft,
  moversLeft,
  order,
  temporaryDirectory,
  tidy,
} from './harness.ts';

vi.setConfig({ testTimeout: 90_000 });

let directory: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
});

afterEach(async () => {
  await tidy(directory);
});

/** Nothing was started and nothing was left: no process, no socket, no directory. */
async function expectNothingOpened(): Promise<void> {
  expect(await moversLeft(directory)).toBe(0);
  expect(await filesLeft(directory)).toEqual([]);
}

test.each([
  ['no lease', () => undefined],
  ['an expired lease', () => ({ expiresAtMs: Date.now() - 1, memoryBytes: gibibyte })],
])('%s opens nothing', async (_what, lease) => {
  const agents = createAgents(directory);
  agents.lease.current = lease();
  expect(await agents.path.open(order, facts)).toMatchObject({ ok: false, code: 'no-lease' });
  await expectNothingOpened();
});

test('the lease of another host, settlement or domain opens nothing', async () => {
  const agents = createAgents(directory);
  agents.wire.from = 'stranger' as HostId;
  expect(await agents.path.open(order, facts)).toMatchObject({ code: 'no-lease' });
  agents.wire.from = 'source' as HostId;
  const settlement = 'settlement-2' as MigrationOrder['settlement'];
  expect(await agents.path.open({ ...order, settlement }, facts)).toMatchObject({
    code: 'no-lease',
  });
  const domain = '99999999-2222-4333-8444-555555555555' as MigrationOrder['domain'];
  expect(await agents.path.open({ ...order, domain }, facts)).toMatchObject({ code: 'no-lease' });
  await expectNothingOpened();
});

test('a lease that ends while the checks run opens nothing', async () => {
  const agents = createAgents(directory, {
    checkArrival: async () => {
      agents.lease.current = { expiresAtMs: Date.now() - 1, memoryBytes: gibibyte };
      return { ok: true, value: null };
    },
  });
  expect(await agents.path.open(order, facts)).toMatchObject({ code: 'no-lease' });
  await expectNothingOpened();
});

test('a failed check of the target comes back as it is', async () => {
  const agents = createAgents(directory, {
    checkArrival: async () => failure('check-failed', 'There is no bridge br0 here.'),
  });
  expect(await agents.path.open(order, facts)).toEqual(
    failure('check-failed', 'There is no bridge br0 here.'),
  );
  await expectNothingOpened();
});

test.each([
  ['needs more memory than is kept', { memoryBytes: 3 * gibibyte }],
  ['is defined larger than it says', { xml: domainXml({ memory: '9999999' }) }],
  ['is defined as another one', { xml: domainXml({ name: 'web2' }) }],
  ['has no readable definition', { xml: '<domain/>' }],
])('a domain that %s is refused', async (_what, change) => {
  const agents = createAgents(directory);
  const opened = await agents.path.open(order, { ...facts, ...change });
  expect(opened).toMatchObject({ ok: false, code: 'check-failed' });
  await expectNothingOpened();
});

test('a source that listens elsewhere is told what to change', async () => {
  const agents = createAgents(directory);
  agents.wire.rewrite = (name, body) => {
    const text = JSON.stringify(body).replaceAll(`${directory}/s/`, '/srv/other/');
    return name === 'migration.prepare' ? JSON.parse(text) : body;
  };
  const opened = await agents.path.open(order, facts);
  expect(opened).toMatchObject({ ok: false, code: 'path-mismatch' });
  await expectNothingOpened();
});

test.each([
  ['nothing', null],
  ['a list', []],
  ['no facts', { settlement: 's', domain: 'd', way: { kind: 'plain' } }],
  ['too long a settlement', { settlement: 's'.repeat(257) }],
])('a request with %s is answered and not thrown', async (_what, body) => {
  const agents = createAgents(directory);
  const answer = await agents.wire.request('target' as HostId, 'migration.prepare', body);
  expect(answer).toMatchObject({ ok: false, code: 'bad-request' });
});

test('opening again replaces a path that was never used', async () => {
  const agents = createAgents(directory);
  expect((await agents.path.open(order, facts)).ok).toBe(true);
  const second = await agents.path.open(order, facts);
  expect(second.ok).toBe(true);
  expect(await moversLeft(directory)).toBe(2);
  if (second.ok) await second.value.close();
  await expectNothingOpened();
});

test('two requests at once for one settlement start one mover', async () => {
  const agents = createAgents(directory);
  const prepare = { name: 'migration.prepare', body: {} };
  agents.wire.rewrite = (name, body) => {
    if (name === prepare.name) prepare.body = body as object;
    return body;
  };
  const opening = agents.path.open(order, facts);
  await expect.poll(() => Object.keys(prepare.body).length).toBeGreaterThan(0);
  const again = await agents.wire.request('target' as HostId, prepare.name, prepare.body);
  expect(again).toMatchObject({ ok: false, code: 'busy' });
  expect((await opening).ok).toBe(true);
});

test('only the host that a mover serves can have it closed', async () => {
  const agents = createAgents(directory);
  expect((await agents.path.open(order, facts)).ok).toBe(true);
  const body = { settlement: order.settlement };
  agents.wire.from = 'stranger' as HostId;
  const refused = await agents.wire.request('target' as HostId, 'migration.close', body);
  expect(refused).toMatchObject({ ok: false, code: 'not-yours' });
  expect(await moversLeft(directory)).toBe(2);
});

test('more arrivals than allowed at once are refused', async () => {
  const agents = createAgents(directory, { moversMax: 0 });
  expect(await agents.path.open(order, facts)).toMatchObject({ ok: false, code: 'busy' });
  await expectNothingOpened();
});

test('an order whose lease has run out meanwhile is closed again on both sides', async () => {
  const agents = createAgents(directory);
  const opened = await agents.path.open({ ...order, leaseMs: 1 }, facts);
  expect(opened).toMatchObject({ ok: false, code: 'expired' });
  await expectNothingOpened();
});

test.each([
  ['tls', 'qemu+tls://127.0.0.1/system'],
  ['ssh', 'qemu+ssh://127.0.0.1/system'],
  ['tcp', 'qemu+tcp://127.0.0.1/system'],
] as const)(
  '%s gives plain URIs after the same questions, and opens nothing',
  async (kind, uri) => {
    const agents = createAgents(directory);
    const path = plainPath(kind, { network: agents.wire });
    const opened = await path.open(order, facts);
    expect(opened).toMatchObject({
      ok: true,
      value: { destinationUri: uri, migrateUri: 'tcp://127.0.0.1' },
    });
    agents.lease.current = undefined;
    expect(await path.open(order, facts)).toMatchObject({ ok: false, code: 'no-lease' });
    await expectNothingOpened();
  },
);

test('the key of a path is in no file, argument or environment', async () => {
  const agents = createAgents(directory);
  expect((await agents.path.open(order, facts)).ok).toBe(true);
  const log = await readFile(agents.logFile, 'utf8');
  const pids = [...log.matchAll(/"pid":(\d+)/g)].map((match) => match[1]);
  expect(new Set(pids).size).toBe(2);
  for (const pid of pids) {
    for (const file of ['cmdline', 'environ'])
      expect(await readFile(`/proc/${pid}/${file}`, 'latin1')).not.toContain('PRIVATE KEY');
  }
  expect(log).not.toContain('PRIVATE KEY');
});
