import type { AgentApi, StatusView } from '../../src/api.ts';
import { failure, success } from '../../src/result.ts';

export const status: StatusView = {
  host: '12D3KooWHost',
  name: 'kvm1',
  version: '0.1.0',
  cluster: 'default',
  mode: 'advise',
  stopped: false,
  pid: 4711,
  uptimeSeconds: 60,
  rssBytes: 90_000_000,
  location: [],
  capacity: null,
  load: null,
  measured: false,
  networkCost: 0,
  peers: { members: 2, connected: 1 },
  domains: { running: 0, heldElsewhere: 0, heldHere: 0 },
  deals: { open: 0, committed: 0, declined: 0, aborted: 0 },
  migrations: { running: [], moved: 0, failed: 0 },
  problems: [],
};

export type Asked = { name: string; with: unknown };

/** An agent that remembers what it was asked, and answers as it is told to. */
export function fakeAgent(
  answers: Partial<Record<string, () => Promise<unknown>>> = {},
): AgentApi & { asked: Asked[] } {
  const asked: Asked[] = [];
  const answer = async (name: string, input: unknown): Promise<never> => {
    asked.push({ name, with: input });
    const given = answers[name];
    if (given) return (await given()) as never;
    if (name === 'status') return success(status) as never;
    if (name === 'mode') return success(input) as never;
    return failure('unknown-peer', 'no host of this cluster has that name') as never;
  };
  return { asked, view: answer, command: answer };
}
