import type { HostId } from '@barter/core';
import { expect, test } from 'vitest';
import { createAgentApi } from '../src/agent-api.ts';
import type { RequestHandler } from '../src/network/peer-network.ts';

type Member = Readonly<{ host: string; name: string; calledNow?: string }>;

function apiOf(members: readonly Member[]) {
  const expelled: string[] = [];
  const handlers = new Map<string, RequestHandler>();
  const summaries = members.flatMap(({ host, calledNow }) =>
    calledNow === undefined ? [] : [[host, { summary: { name: calledNow } }] as const],
  );
  const state = {
    config: { self: 'id-1', name: 'kvm1' },
    directory: { peers: new Map(summaries) },
  };
  const network = {
    roster: () => members.map(({ host, name }) => ({ host, name, admittedAtMs: 0 })),
    peers: () => [{ host: 'id-2' as HostId, connected: true }],
    onRequest: (name: string, handler: RequestHandler) => handlers.set(name, handler),
    expel: async (host: string, how: unknown) => {
      expelled.push(`${host} ${JSON.stringify(how)}`);
      return { ok: true, value: null };
    },
  };
  const api = createAgentApi({ runner: { state }, network } as never);
  return { api, expelled, handlers };
}

const members = [
  { host: 'id-1', name: 'kvm1' },
  { host: 'id-2', name: 'kvm2' },
  { host: 'id-3', name: 'kvm3' },
];

test('a member is expelled by its name, its present name or its id', async () => {
  const renamed = [...members, { host: 'id-4', name: 'old', calledNow: 'new' }];
  const { api, expelled } = apiOf(renamed);
  for (const peer of ['kvm2', 'new', 'id-3']) await api.command('expel', { peer });
  expect(expelled.map((each) => each.split(' ')[0])).toEqual(['id-2', 'id-4', 'id-3']);
  expect(await api.command('expel', { peer: 'kvm9' })).toMatchObject({ code: 'unknown-peer' });
});

test('of two with one name only an id says which: nobody is expelled for what another is called', async () => {
  for (const twin of [
    { host: 'id-4', name: 'kvm2' },
    // Names are what hosts call themselves: one that calls itself like another expels nobody but by chance.
    { host: 'id-4', name: 'kvm4', calledNow: 'kvm2' },
  ]) {
    const { api, expelled } = apiOf([...members, twin]);
    const answer = await api.command('expel', { peer: 'kvm2' });
    expect(answer).toMatchObject({ ok: false, code: 'ambiguous-peer' });
    const message = answer.ok ? '' : answer.message;
    expect(message).toContain('id-2 (joined 1970-01-01T00:00, connected)');
    expect(message).toContain('id-4 (joined 1970-01-01T00:00, not connected)');
    expect(expelled).toEqual([]);
    await api.command('expel', { peer: 'id-4', withGuests: true });
    expect(expelled).toEqual(['id-4 {"withGuests":true}']);
  }
});

test('a peer’s question without a body is answered, not a failure of ours', async () => {
  const { handlers } = apiOf(members);
  for (const body of [null, 7, 'x', [], {}]) {
    expect(await handlers.get('view')?.('id-2' as HostId, body)).toMatchObject({
      ok: false,
      code: 'unknown-view',
    });
  }
});

/** What a home knows of a migration of web-3 to kvm3 about which an operator has a word to say. */
function inDoubt(detail: string) {
  const settlement = {
    settlement: 's1',
    domain: 'uuid-1',
    name: 'web-3',
    to: 'id-3',
    phase: 'resolving',
    unresolvedSinceMs: 1 as number | null,
    detail,
    vouched: false,
  };
  type Heard = { there: { presence: string; arrival: string }; question: number; atMs: number };
  const state = {
    config: { timing: { resendMs: 1_000 } },
    homes: new Map([['uuid-1', { domain: 'uuid-1', name: 'web-3' }]]),
    settlements: new Map([['s1', settlement]]),
    questions: new Map([['s1', { here: 'left' }]]),
    located: new Map<string, Heard>(),
    connected: new Set<string>(),
    directory: { hostName: () => 'kvm3' },
  };
  return { settlement, state };
}

test('that a target is gone for ever is taken only of the target of a migration in doubt', async () => {
  const { state } = inDoubt('gone from here, and the target cannot be asked');
  const ordered: unknown[] = [];
  const runner = { state, handle: async ({ order }: { order: unknown }) => ordered.push(order) };
  const network = { onRequest: () => {} };
  const api = createAgentApi({ runner, network } as never);
  const say = (domain: string, target: string) => api.command('target-gone', { domain, target });
  expect(await say('web-9', 'kvm3')).toMatchObject({ code: 'not-migrating' });
  expect(await say('web-3', 'kvm4')).toMatchObject({
    code: 'not-gone',
    message: 'web-3 is migrating to kvm3 (id-3), not to kvm4.',
  });
  state.connected.add('id-3');
  expect(await say('web-3', 'kvm3')).toMatchObject({
    code: 'not-gone',
    message: 'kvm3 is connected, and can be asked.',
  });
  state.connected.clear();
  expect(ordered).toEqual([]);
  const value = { ended: 'web-3', hasGoneOn: false };
  expect(await say('web-3', 'kvm3')).toEqual({ ok: true, value });
  expect(ordered).toEqual([{ order: 'target-gone', domain: 'uuid-1', target: 'kvm3' }]);
  // It had said that the VM ran there and went on: that is how it ended.
  const there = { presence: 'absent', arrival: 'arrived' };
  state.located.set('s1', { there, question: 1, atMs: 1 });
  expect(await say('web-3', 'kvm3')).toMatchObject({ value: { hasGoneOn: true } });
});

test('a VM that is held is let go only by the word that it does not run at its target, where nobody can tell', async () => {
  const detail = 'paused here, and the target cannot be asked: it is held paused';
  const { settlement, state } = inDoubt(detail);
  const heard = { there: { presence: 'running', arrival: 'open' }, question: 1, atMs: 9_000 };
  const ordered: unknown[] = [];
  let isTaken = false;
  const handle = async ({ order }: { order: unknown }) => {
    ordered.push(order);
    settlement.vouched = isTaken;
  };
  const facts = () => ({ nowMs: 10_000 });
  const network = { onRequest: () => {} };
  const api = createAgentApi({ runner: { state, handle }, network, facts } as never);
  const say = (domain: string, notRunningOn?: string) =>
    api.command('let-run-on', { domain, notRunningOn });

  expect(await say('web-9', 'kvm3')).toMatchObject({ code: 'not-held' });
  const unsaid = await say('web-3');
  expect(unsaid).toMatchObject({ code: 'not-vouched' });
  expect(unsaid.ok ? '' : unsaid.message).toMatch(
    /on kvm3 .*virsh list --all.*web-3\.log.*say barter resume web-3 --not-running-on kvm3\.$/,
  );
  expect(await say('web-3', 'kvm4')).toMatchObject({
    code: 'not-vouched',
    message: 'web-3 is migrating to kvm3 (id-3), not to kvm4.',
  });
  state.located.set('s1', heard);
  expect(await say('web-3', 'kvm3')).toMatchObject({
    message: 'kvm3 answers, and says that web-3 is running there (open).',
  });
  state.located.clear();
  settlement.unresolvedSinceMs = null;
  expect(await say('web-3')).toMatchObject({ code: 'not-held' });
  settlement.unresolvedSinceMs = 1;
  expect(ordered).toEqual([]);

  expect(await say('web-3', 'kvm3')).toMatchObject({
    message: 'kvm3 has just answered: ask again.',
  });
  isTaken = true;
  const value = { resumed: 'web-3', target: 'kvm3' };
  expect(await say('web-3', 'kvm3')).toEqual({ ok: true, value });
  expect(ordered.at(-1)).toEqual({ order: 'let-run-on', domain: 'uuid-1', target: 'kvm3' });
});
