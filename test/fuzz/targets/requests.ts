/** The JSON of requests between agents: `migration.prepare` and what it answers, views, snapshots. */

import { moverJob, moverStatus } from '../../../packages/agent/src/mover/job.ts';
import {
  closeBody,
  prepareAnswer,
  prepareBody,
} from '../../../packages/agent/src/mover/prepare.ts';
import { readJson, writeJson } from '../../../packages/agent/src/network/wire/json.ts';
import { readPage } from '../../../packages/agent/src/views/snapshot-part.ts';
import { mutateText } from '../mutate.ts';
import { broken, type Prepare, target } from '../target.ts';

const uuid = '11111111-2222-4333-8444-555555555555';
const fingerprint = 'ab'.repeat(32);
const good = [
  {
    settlement: 's1',
    domain: uuid,
    facts: { name: 'web1', uuid, memoryBytes: 1024, vcpus: 1, xml: '<domain/>' },
    way: { kind: 'tunnel', fingerprint, memoryPath: '/run/m.sock', disksPath: '/run/d.sock' },
  },
  { tunnel: { port: 49_152, fingerprint }, leaseMs: 1000, address: '192.0.2.1' },
  { settlement: 's1' },
  { view: 'status', limit: 10 },
  {
    host: {
      id: 'h1',
      name: 'kvm1',
      location: ['rack1'],
      memoryBytes: 1,
      memoryLimitBytes: 1,
      vcpus: 1,
      vcpuLimit: 1,
      nicBitsPerSecond: 1,
    },
    domains: [
      {
        id: 'd',
        name: 'vm',
        memoryBytes: 1,
        vcpus: 1,
        cpu: 0,
        dirtyBytesPerSecond: 0,
        policy: { pin: ['h1'] },
        row: [['external', 5]],
      },
    ],
    next: null,
  },
  {
    role: 'source',
    settlement: 's',
    domain: 'd',
    peer: 'p',
    pid: 1,
    phase: 'waiting',
    connections: 0,
    bytes: 0,
  },
].map((each) => JSON.stringify(each));
const words = [
  'kind',
  'tunnel',
  'plain',
  'next',
  'null',
  'true',
  '0',
  '-1',
  '1e400',
  '{}',
  '[]',
  uuid,
];

export const prepare: Prepare = async () =>
  target<string>({
    name: 'requests',
    // A zod schema reports each of a thousand wrong items with an object of its own.
    bytesPerByte: 600,
    make: (dice) => mutateText(dice, dice.pick(good), dice.pick(good), words, 256 * 1024),
    read(text) {
      const json = readJson(Buffer.from(text));
      if (!json.ok) return;
      if (!writeJson(json.value).ok && text.length < 128 * 1024) broken('JSON can be sent on');
      const prepared = prepareBody.safeParse(json.value);
      if (prepared.success && prepared.data.way.kind === 'tunnel') {
        const { memoryPath, disksPath } = prepared.data.way;
        for (const path of [memoryPath, disksPath])
          if (!path.startsWith('/') || path.length > 107) broken('a socket path is one');
      }
      const answer = prepareAnswer.safeParse(json.value);
      if (answer.success && /[?&/ ]/.test(answer.data.address ?? ''))
        broken('an address is no part of a URI but its host');
      for (const shape of [closeBody, moverJob, moverStatus]) shape.safeParse(json.value);
      readPage(json.value);
    },
  });
