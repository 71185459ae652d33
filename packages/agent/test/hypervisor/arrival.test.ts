/** What the target looks at before it opens itself; every problem is named at once. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { domainState } from '@barter/libvirt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { checkArrival } from '../../src/hypervisor/arrival.ts';
import type { KernelPaths } from '../../src/hypervisor/host-load.ts';
import { definition, lost, reference, refused, ScriptedLibvirt } from './scripted-libvirt.ts';

let directory: string;
let paths: KernelPaths;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'barter-arrival-'));
  paths = { proc: directory, sys: directory, networkDevices: join(directory, 'dev') };
  await writeFile(join(directory, 'meminfo'), 'MemTotal: 4194304 kB\nMemAvailable: 1048576 kB\n');
  await writeFile(join(directory, 'dev'), 'Inter-|\n face |\n   br0: 1 2\n');
  await writeFile(join(directory, 'disk.img'), '');
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const absent = () => refused('noDomain', 'Domain not found');
const free = {
  domain_lookup_by_uuid: absent,
  domain_lookup_by_name: absent,
  connect_get_domain_capabilities: () => '<domainCapabilities/>',
  connect_list_all_networks: () => ['lan'],
};
const gib = 1024 ** 3;

function check(
  answers: Record<string, (args: never) => unknown> = {},
  devices = '',
  memoryBytes = gib / 2,
  memoryOvercommit = 1,
) {
  const xml = definition.replace('<devices>', `<devices>${devices}`);
  const { name, uuid } = reference;
  const client = new ScriptedLibvirt({ ...free, ...answers });
  return checkArrival(
    { client, paths, memoryOvercommit },
    { name, uuid, memoryBytes, vcpus: 2, xml },
  );
}

test('a domain that has all it needs may arrive', async () => {
  const disk = `<disk type='file' device='disk'><source file='${directory}/disk.img'/></disk>`;
  const network = `<interface type='network'><source network='lan'/></interface>`;
  expect(await check({}, disk + network)).toEqual({ ok: true, value: null });
});

test('a shut-off definition of the same domain is no obstacle: libvirt replaces it', async () => {
  const same = () => reference;
  const shutoff = () => ({ state: domainState.shutoff, reason: 1 });
  const answers = {
    domain_lookup_by_uuid: same,
    domain_lookup_by_name: same,
    domain_get_state: shutoff,
  };
  expect((await check(answers)).ok).toBe(true);
});

test.each([
  ['its UUID is active here', { domain_lookup_by_uuid: () => reference }, '', 'its UUID is active'],
  [
    'its name is another domain’s',
    { domain_lookup_by_name: () => ({ ...reference, uuid: 'other' }) },
    '',
    'another domain here has the name vm1',
  ],
  ['no such bridge', {}, `<interface type='bridge'><source bridge='br9'/></interface>`, 'br9'],
  ['no such network', {}, `<interface type='network'><source network='dmz'/></interface>`, 'dmz'],
  [
    'no such disk',
    {},
    `<disk type='file'><source file='/nowhere/x.img'/></disk>`,
    '/nowhere/x.img',
  ],
  [
    'no such machine type',
    { connect_get_domain_capabilities: () => refused('invalidArgument', 'no machine pc-q35-99') },
    '',
    'pc-q35-99',
  ],
])('%s: refused', async (_, answers, devices, words) => {
  const result = await check(answers as Record<string, () => unknown>, devices);
  expect(result).toMatchObject({ ok: false, code: 'check-failed' });
  expect(!result.ok && result.message).toContain(words);
});

test('memory: what is available now counts, and overcommitting it is the operator’s choice', async () => {
  expect(await check({}, '', 1.5 * gib)).toMatchObject({ ok: false, code: 'check-failed' });
  expect(await check({}, '', 1.5 * gib, 2)).toMatchObject({ ok: true });
});

test('several problems are named in one answer', async () => {
  const devices = `<interface type='bridge'><source bridge='br9'/></interface><disk type='file'><source file='/nowhere/x'/></disk>`;
  const result = await check({}, devices);
  expect(!result.ok && result.message).toMatch(/br9.*; .*nowhere/);
});

test('a definition of another domain is refused, and so is one that is none', async () => {
  const client = new ScriptedLibvirt(free);
  const world = { client, paths, memoryOvercommit: 1 };
  const facts = { name: 'vm2', uuid: reference.uuid, memoryBytes: 1, vcpus: 1, xml: definition };
  expect(await checkArrival(world, facts)).toMatchObject({ code: 'check-failed' });
  expect(await checkArrival(world, { ...facts, xml: '<x' })).toMatchObject({
    code: 'check-failed',
  });
});

test('a libvirt that is away is not taken for a yes', async () => {
  const away = { domain_lookup_by_name: () => lost('closed') };
  expect(await check(away)).toMatchObject({ ok: false, code: 'unreachable' });
});
