/**
 * Answers operators: this agent's own views, any peer's (asked over the peer network), and commands.
 * What a peer may ask of us is what is registered here, and members only ever reach it.
 */

import type { Runner } from '@barter/core';
import {
  type HostId,
  type HostState,
  hasGoneOn,
  type Settlement,
  settlementOf,
  undecidedDeal,
  whyNotGone,
  whyNotHeld,
  whyNotVouched,
} from '@barter/core';
import type { AgentApi, Commands, Finding, Views } from './api.ts';
import type { SqliteJournal } from './journal/sqlite-journal.ts';
import type { Json, PeerNetwork } from './network/peer-network.ts';
import { failure, type Result, success } from './result.ts';
import { answerSnapshots, snapshotView } from './snapshot.ts';
import { findDomain, findHost } from './views/names.ts';
import { trafficView } from './views/traffic.ts';
import {
  dealsView,
  domainsView,
  movesView,
  type ProcessFacts,
  peersView,
  statusView,
} from './views/views.ts';

/** `--peer` promises an answer within three seconds, also about a peer that is silent. */
const peerAnswerMs = 2_000;
const limitDefault = 100;
const limitMax = 1_000;

export type AgentApiParts = Readonly<{
  runner: Runner;
  network: PeerNetwork;
  journal: SqliteJournal;
  facts(): ProcessFacts;
  findings(): Promise<readonly Finding[]>;
}>;

export function createAgentApi(parts: AgentApiParts): AgentApi {
  const { runner, network } = parts;
  const local = async <Name extends keyof Views>(
    name: Name,
    limit: number,
  ): Promise<Result<Views[Name]>> => success(await viewHere(parts, name, limit));

  network.onRequest('view', async (_from, body) => {
    const { view, limit } = (body ?? {}) as { view?: unknown; limit?: unknown };
    if (typeof view !== 'string' || !isView(view))
      return failure('unknown-view', 'This agent does not know that view; is it older than yours?');
    const shown = await local(view, bounded(limit));
    return shown.ok ? success(shown.value as unknown as Json) : shown;
  });
  answerSnapshots(network, () => runner.state as HostState);
  for (const order of ['stop', 'resume'] as const)
    network.onRequest(order, async () => {
      await runner.handle({ kind: 'ordered', order: { order } });
      return success(null);
    });

  return {
    async view(name, { peer, limit }) {
      if (peer === undefined) return local(name, bounded(limit));
      const host = findMember(parts, peer);
      if (host === undefined)
        return failure('unknown-peer', `No member is called ${peer}; "barter peers" lists them.`);
      if (host === runner.state.config.self) return local(name, bounded(limit));
      const answer = await network.request(
        host,
        'view',
        { view: name, limit: bounded(limit) },
        peerAnswerMs,
      );
      return answer.ok
        ? success(answer.value as unknown as Views[typeof name])
        : failure(answer.code, silence(parts, peer, host, answer.message));
    },
    command: (name, body) => command(parts, name, body),
  };
}

function viewHere<Name extends keyof Views>(
  parts: AgentApiParts,
  name: Name,
  limit: number,
): Promise<Views[Name]> {
  const { runner, network, journal } = parts;
  const state = runner.state as HostState;
  const facts = parts.facts();
  const views: { [Each in keyof Views]: () => Views[Each] | Promise<Views[Each]> } = {
    status: () => statusView(state, facts),
    peers: () => peersView(state, members(network), facts.nowMs),
    domains: () => domainsView(state, facts.nowMs),
    traffic: () => trafficView(state, limit),
    deals: () => dealsView(state, journal.receipts({ kind: 'deal', limit: 2 * limit }), limit),
    moves: () => movesView(state, journal.receipts({ kind: 'move', limit }), limit),
    doctor: () => parts.findings(),
    snapshot: () => snapshotView(state, network),
  };
  return Promise.resolve(views[name]());
}

function isView(name: string): name is keyof Views {
  return ['status', 'peers', 'domains', 'traffic', 'deals', 'moves', 'doctor', 'snapshot'].includes(
    name,
  );
}

function bounded(limit: unknown): number {
  return typeof limit === 'number' && limit > 0 ? Math.min(limit, limitMax) : limitDefault;
}

function members(network: PeerNetwork) {
  const names = new Map(network.roster().map(({ host, name }) => [host, name]));
  return network
    .peers()
    .map(({ host, connected }) => ({ host, connected, name: names.get(host) ?? host }));
}

/** A member by the name it goes by now, by the name in the roster, or by its peer id. */
function findMember({ runner, network }: AgentApiParts, text: string): HostId | undefined {
  const state = runner.state as HostState;
  return (
    findHost(state, text) ??
    network.roster().find(({ host, name }) => host === text || name === text)?.host
  );
}

/** Names are what hosts call themselves; where two have the same, only an id says which one is meant. */
function theOnlyMember(parts: AgentApiParts, text: string): Result<HostId> {
  const { runner, network } = parts;
  const called = network.roster().filter(({ host, name }) => {
    const now = runner.state.directory.peers.get(host)?.summary.name;
    return host === text || name === text || now === text;
  });
  const [first, ...others] = called;
  if (first === undefined)
    return failure('unknown-peer', `No member is called ${text}; "barter peers" lists them.`);
  if (others.length === 0) return success(first.host);
  const connected = new Set(network.peers().flatMap((peer) => (peer.connected ? [peer.host] : [])));
  const list = called.map(({ host, admittedAtMs }) => {
    const joined = new Date(admittedAtMs).toISOString().slice(0, 16);
    const self = host === runner.state.config.self ? 'this host' : undefined;
    return `${host} (joined ${joined}, ${self ?? (connected.has(host) ? 'connected' : 'not connected')})`;
  });
  return failure(
    'ambiguous-peer',
    `${called.length} members are called ${text}; say which one by its id: ${list.join(', ')}.`,
  );
}

function silence(parts: AgentApiParts, peer: string, host: HostId, why: string): string {
  const known = parts.runner.state.directory.peers.get(host);
  const heard =
    known === undefined
      ? 'nothing was ever heard of it'
      : `last heard of ${Math.round((parts.facts().nowMs - known.receivedAtMs) / 1000)} s ago`;
  return `${peer} does not answer (${heard}): ${why}`;
}

async function command<Name extends keyof Commands>(
  parts: AgentApiParts,
  name: Name,
  body: Commands[Name]['body'],
): Promise<Result<Commands[Name]['value']>> {
  const commands: {
    [Each in keyof Commands]: (
      body: Commands[Each]['body'],
    ) => Promise<Result<Commands[Each]['value']>>;
  } = {
    mode: async ({ mode }) => {
      await parts.runner.handle({ kind: 'ordered', order: { order: 'mode', mode } });
      return success({ mode });
    },
    stop: async ({ all }) => {
      const { reached, unreachable } = await everywhere(parts, 'stop', all);
      return success({ stopped: reached, unreachable });
    },
    resume: async ({ all }) => {
      const { reached, unreachable } = await everywhere(parts, 'resume', all);
      return success({ resumed: reached, unreachable });
    },
    invite: ({ expiresInSeconds }) =>
      parts.network.invite({ expiresInMs: expiresInSeconds * 1000 }),
    expel: async ({ peer, withGuests = false }) => {
      const host = theOnlyMember(parts, peer);
      if (!host.ok) return host;
      const expelled = await parts.network.expel(host.value, { withGuests });
      return expelled.ok ? success({ expelled: host.value }) : expelled;
    },
    approve: ({ id }) => judge(parts, 'approve', id, (approved) => ({ approved })),
    reject: ({ id }) => judge(parts, 'reject', id, (rejected) => ({ rejected })),
    'abort-migration': ({ domain }) =>
      judge(parts, 'abort-migration', domain, (aborted) => ({ aborted })),
    'target-gone': ({ domain, target }) => targetGone(parts, domain, target),
    'let-run-on': ({ domain, notRunningOn }) => letRunOn(parts, domain, notRunningOn),
  };
  return commands[name](body);
}

async function judge<Value>(
  { runner }: AgentApiParts,
  order: 'approve' | 'reject' | 'abort-migration',
  text: string,
  answer: (name: string) => Value,
): Promise<Result<Value>> {
  const state = runner.state as HostState;
  const domain = findDomain(state, text);
  const entry = domain === undefined ? undefined : state.homes.get(domain);
  if (domain === undefined || entry === undefined)
    return failure('unknown-domain', `No VM called ${text} is at home here; ask its home.`);
  if (order === 'abort-migration' && entry.settlement === null)
    return failure('not-migrating', `${entry.name} is not migrating.`);
  if (order !== 'abort-migration' && entry.holder === state.config.self)
    return failure('nothing-recommended', `No move of ${entry.name} is recommended.`);
  await runner.handle({ kind: 'ordered', order: { order, domain } });
  return success(answer(entry.name));
}

/** The migration out of here of a VM by name or UUID. */
function findSettlement(state: HostState, text: string): Settlement | undefined {
  const domain = findDomain(state, text);
  return domain === undefined ? undefined : settlementOf(state, domain);
}

/** Nothing is ended on a slip of the tongue: the operator names the host that is gone, and the core knows better or not. */
async function targetGone(
  { runner }: AgentApiParts,
  text: string,
  target: string,
): Promise<Result<Readonly<{ ended: string; hasGoneOn: boolean }>>> {
  const state = runner.state as HostState;
  const settlement = findSettlement(state, text);
  if (settlement === undefined)
    return failure('not-migrating', `No VM called ${text} is migrating away from here.`);
  const { domain } = settlement;
  const why = whyNotGone(state, settlement, target);
  if (why !== null) return failure('not-gone', `${why}.`);
  const answer = { ended: settlement.name, hasGoneOn: hasGoneOn(state, settlement) };
  await runner.handle({ kind: 'ordered', order: { order: 'target-gone', domain, target } });
  return success(answer);
}

/** Whoever asks without the word is told what to look at first, and where. */
async function letRunOn(
  { runner, facts }: AgentApiParts,
  text: string,
  target: string | undefined,
): Promise<Result<Readonly<{ resumed: string; target: string }>>> {
  const state = runner.state as HostState;
  const settlement = findSettlement(state, text);
  if (settlement === undefined)
    return failure('not-held', `No VM called ${text} is held here by a migration out of here.`);
  const { domain, name, detail } = settlement;
  const toName = state.directory.hostName(settlement.to);
  if (target === undefined) {
    const whyNot = whyNotHeld(state, settlement);
    if (whyNot !== null) return failure('not-held', `${whyNot}.`);
    return failure(
      'not-vouched',
      `Whether ${name} has run on ${toName} is not known (${detail}): look on ${toName} whether virsh list --all shows ${name}, whether a QEMU of it is left (ps), and how its last start in /var/log/libvirt/qemu/${name}.log ended (reason=daemon: libvirtd ended it before it ran); only when it does not run there and never ran, or ${toName} is off for good, say barter resume ${name} --not-running-on ${toName}.`,
    );
  }
  const whyNot = whyNotVouched(state, settlement, target, facts().nowMs);
  if (whyNot !== null) return failure('not-vouched', `${whyNot}.`);
  await runner.handle({ kind: 'ordered', order: { order: 'let-run-on', domain, target } });
  // The target may have been heard before the order was.
  if (state.settlements.get(settlement.settlement)?.vouched !== true)
    return failure('not-vouched', `${toName} has just answered: ask again.`);
  return success({ resumed: name, target: toName });
}

async function everywhere(
  { runner, network }: AgentApiParts,
  order: 'stop' | 'resume',
  all: boolean,
): Promise<{ reached: string[]; unreachable: string[] }> {
  await runner.handle({ kind: 'ordered', order: { order } });
  const reached = [runner.state.config.name];
  const unreachable: string[] = [];
  if (!all) return { reached, unreachable };
  await Promise.all(
    members(network).map(async ({ host, name }) => {
      const answer = await network.request(host, order, null, peerAnswerMs);
      (answer.ok ? reached : unreachable).push(name);
    }),
  );
  return { reached: reached.toSorted(), unreachable: unreachable.toSorted() };
}

/** Whether ending the agent now would leave a peer in doubt; for a clean shutdown. */
export function isQuiet(state: HostState): boolean {
  return undecidedDeal(state) === undefined;
}
