import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AgentApi, DealView, MoveView, PeerView, StatusView } from '@barter/agent/api.ts';
import { serveControl } from '@barter/agent/control/server.ts';
import { failure, success } from '@barter/agent/result.ts';

const gibibyte = 2 ** 30;

export const capacity = {
  memoryBytes: 64 * gibibyte,
  vcpus: 16,
  nicBitsPerSecond: 10e9,
  memoryLimitBytes: 57 * gibibyte,
  vcpuLimit: 57,
  memoryTransientBytes: 64 * gibibyte,
};

export const load = {
  memoryBytes: 32 * gibibyte,
  vcpus: 22,
  cpu: 3.25,
  nicBitsPerSecond: 220e6,
};

export const move: MoveView = {
  settlement: 'settle-1',
  domain: '6d1b4c5e-0000-4000-8000-000000000001',
  name: 'web-3',
  from: 'kvm1',
  to: 'kvm2',
  phase: 'migrating',
  detail: '',
  startedAtMs: 1_000,
  endedAtMs: null,
  bytesSent: 1 * gibibyte,
  bytesRemaining: 3 * gibibyte,
  bytesPerSecond: 128 * 2 ** 20,
  downtimeMs: null,
};

export const status: StatusView = {
  host: '12D3KooWAbCdEfGhJkLmNpQrStUvWxYz123456789AbCdEfGhJkL',
  name: 'kvm1',
  version: '0.1.0',
  cluster: 'default',
  mode: 'advise',
  stopped: false,
  pid: 4711,
  uptimeSeconds: 11_520,
  rssBytes: 92 * 2 ** 20,
  location: ['pod1', 'rack3'],
  capacity,
  load,
  measured: true,
  networkCost: 12_300_000,
  peers: { members: 4, connected: 3 },
  domains: { running: 6, heldElsewhere: 1, heldHere: 2 },
  deals: { open: 1, committed: 12, declined: 33, aborted: 4 },
  migrations: { running: [move], moved: 7, failed: 0 },
  problems: ['the pair set of br0 is full: raise its size'],
};

export const peers: readonly PeerView[] = [
  {
    host: '12D3KooWAbCdEfGhJkLmNpQrStUvWxYz123456789AbCdEfGhJkM',
    name: 'kvm2',
    connected: true,
    mode: 'auto',
    stopped: false,
    distrust: null,
    location: ['pod1', 'rack4'],
    summaryAgeSeconds: 3,
    load,
    capacity,
    domains: 4,
  },
  {
    host: '12D3KooWAbCdEfGhJkLmNpQrStUvWxYz123456789AbCdEfGhJkN',
    name: 'kvm3\u001b[31m',
    connected: false,
    mode: null,
    stopped: null,
    distrust: null,
    location: [],
    summaryAgeSeconds: null,
    load: null,
    capacity: null,
    domains: null,
  },
];

export const deal: DealView = {
  deal: 'deal-1',
  role: 'proposer',
  peer: 'kvm2',
  phase: 'committed',
  give: ['web-3'],
  take: ['db-1', 'db-2'],
  gainBitsPerSecond: 20e6,
  detail:
    'both sides agreed that the exchange lowers the cost of the placement by more than the margin',
  atMs: 1_000,
};

const answers: Readonly<Record<string, unknown>> = {
  status,
  peers,
  domains: [],
  traffic: [
    { a: 'web-3', b: 'external', aHost: 'kvm1', bHost: null, bitsPerSecond: 5e6, cost: 5e6 },
  ],
  deals: [deal],
  moves: [move],
  doctor: [{ check: 'probe', level: 'warning', message: 'the pair set is nearly full' }],
  mode: { mode: 'auto' },
  stop: { stopped: ['kvm1', 'kvm2'], unreachable: ['kvm3'] },
  resume: { resumed: ['kvm1'], unreachable: [] },
  invite: { ticket: 'barter-TICKET', expiresAtMs: 3_600_000 },
  expel: { expelled: 'kvm3' },
  approve: { approved: 'settle-1' },
  reject: { rejected: 'settle-1' },
  'abort-migration': { aborted: 'web-3' },
  'target-gone': { ended: 'web-3', hasGoneOn: false },
  'let-run-on': { resumed: 'web-3', target: 'kvm3' },
};

export type FakeAgent = Readonly<{
  socketPath: string;
  directory: string;
  asked: { name: string; with: unknown }[];
  close(): Promise<void>;
}>;

/** A real control socket with an agent behind it that always gives the same answers. */
export async function startFakeAgent(): Promise<FakeAgent> {
  const directory = await mkdtemp(join(tmpdir(), 'barter-cli-'));
  const socketPath = join(directory, 'control.sock');
  const asked: FakeAgent['asked'] = [];
  const answer = async (name: string, input: Record<string, unknown>) => {
    asked.push({ name, with: input });
    if (input.peer === 'kvm3') {
      return failure('unreachable', 'kvm3 is not connected: is its agent running?') as never;
    }
    return success(answers[name]) as never;
  };
  const api: AgentApi = { view: answer, command: answer };
  const served = await serveControl({ socketPath, api, log: { log: () => undefined } });
  if (!served.ok) throw new Error(served.message);
  return {
    socketPath,
    directory,
    asked,
    close: async () => {
      await served.value.close();
      await rm(directory, { recursive: true });
    },
  };
}
