/** The documents that an agent shows, made from the core's state and the journal's receipts. */

import {
  type Deal,
  distrustOf,
  type Exchange,
  type HostState,
  isUnderWay,
  lockedDomains,
  type PeerState,
  paperLoad,
  type Receipt,
  type Settlement,
  whyAboveLimits,
  whyNotOffered,
  whyNotTrading,
  whyUnmovable,
} from '@barter/core';
import type { DealView, DomainView, MoveView, PeerView, StatusView } from '../api.ts';
import { domainName, hostName } from './names.ts';
import { networkCost } from './traffic.ts';

/** What the process knows beside the core's state. */
export type ProcessFacts = Readonly<{
  nowMs: number;
  startedAtMs: number;
  version: string;
  cluster: string;
  peers: readonly PeerState[];
  /** What the probe, the hypervisor or the path complain about; one sentence each. */
  problems: readonly string[];
}>;

export function statusView(state: HostState, facts: ProcessFacts): StatusView {
  const { config, settings, counts } = state;
  const notTrading = whyNotTrading(state, facts.nowMs);
  const above = whyAboveLimits(state, facts.nowMs);
  const away = [...state.homes.values()].filter((entry) => entry.holder !== config.self);
  return {
    host: config.self,
    name: config.name,
    version: facts.version,
    cluster: facts.cluster,
    mode: settings.mode,
    stopped: settings.stopped,
    pid: process.pid,
    uptimeSeconds: (facts.nowMs - facts.startedAtMs) / 1000,
    rssBytes: process.memoryUsage.rss(),
    location: config.location,
    capacity: state.sample?.capacity ?? null,
    load: state.sample === null ? null : paperLoad(state),
    measured: notTrading?.reason !== 'not-measured',
    networkCost: networkCost(state),
    peers: {
      members: facts.peers.length,
      connected: facts.peers.filter(({ connected }) => connected).length,
    },
    domains: {
      running: state.samples.size,
      heldElsewhere: away.length,
      heldHere: state.holdings.size,
    },
    deals: {
      open: [...state.deals.values()].filter(({ endedAtMs }) => endedAtMs === null).length,
      committed: counts.committed,
      declined: counts.declined,
      aborted: counts.aborted,
    },
    migrations: {
      running: [...state.settlements.values()]
        .filter(isUnderWay)
        .map((settlement) => settlementView(state, settlement)),
      moved: counts.moved,
      failed: counts.failed,
    },
    problems: [
      ...(notTrading?.reason === 'not-measured' ? [notTrading.detail] : []),
      ...(above === null ? [] : [above]),
      ...facts.problems,
      ...unresolved(state),
      ...distrusted(state, facts),
    ],
  };
}

/** Migrations whose end nobody could find out: they need an operator's eyes. */
function unresolved(state: HostState): readonly string[] {
  return [...state.settlements.values()]
    .filter(({ unresolvedSinceMs }) => unresolvedSinceMs !== null)
    .map(({ name, to, detail }) => `${name}, migrating to ${hostName(state, to)}: ${detail}`);
}

/** Somebody has to look whether they are broken, or worse. */
function distrusted(state: HostState, { peers, nowMs }: ProcessFacts): readonly string[] {
  return peers.flatMap(({ host }) => {
    const distrust = distrustOf(state, host, nowMs);
    if (distrust === null) return [];
    const seconds = Math.ceil(distrust.forMs / 1000);
    return [`${hostName(state, host)} is left out of trading for ${seconds} s: ${distrust.why}`];
  });
}

export function peersView(
  state: HostState,
  members: readonly Readonly<{ host: string; name: string; connected: boolean }>[],
  nowMs: number,
): readonly PeerView[] {
  return members.map(({ host, name, connected }) => {
    const known = state.directory.peers.get(host as typeof state.config.self);
    const summary = known?.summary;
    const distrust = distrustOf(state, host as typeof state.config.self, nowMs);
    return {
      host,
      name: summary?.name ?? name,
      connected,
      mode: summary?.mode ?? null,
      stopped: summary?.stopped ?? null,
      distrust: distrust && { forSeconds: Math.ceil(distrust.forMs / 1000), why: distrust.why },
      location: summary?.location ?? [],
      summaryAgeSeconds: known === undefined ? null : (nowMs - known.receivedAtMs) / 1000,
      load: summary?.load ?? null,
      capacity: summary?.capacity ?? null,
      domains: summary?.domains ?? null,
    };
  });
}

export function domainsView(state: HostState, nowMs: number): readonly DomainView[] {
  const locked = lockedDomains(state);
  const views: DomainView[] = [];
  for (const entry of state.homes.values()) {
    const sample = state.samples.get(entry.domain);
    if (sample === undefined) continue;
    const { traits } = sample;
    const here = entry.holder === state.config.self;
    views.push({
      domain: entry.domain,
      name: traits.name,
      home: state.config.name,
      holder: hostName(state, entry.holder),
      version: entry.version,
      memoryBytes: traits.memoryBytes,
      vcpus: traits.vcpus,
      cpu: traits.cpu,
      bitsPerSecond: sumOf(state.rows.get(entry.domain) ?? []),
      policy: traits.policy,
      held: here
        ? whyNotOffered(state, entry.domain, nowMs, locked)
        : (whyUnmovable(state, entry, nowMs) ??
          state.refused.get(entry.domain)?.detail ??
          `waits for ${hostName(state, entry.holder)} to call it`),
    });
  }
  for (const holding of state.holdings.values()) {
    const { claim, traits } = holding;
    if (state.homes.has(claim.domain)) continue;
    views.push({
      domain: claim.domain,
      name: traits.name,
      home: hostName(state, claim.home),
      holder: hostName(state, holding.givenTo ?? claim.holder),
      version: claim.version,
      memoryBytes: traits.memoryBytes,
      vcpus: traits.vcpus,
      cpu: traits.cpu,
      bitsPerSecond: sumOf(holding.row),
      policy: traits.policy,
      held: holding.waiting,
    });
  }
  return views.sort((one, other) => one.name.localeCompare(other.name));
}

function sumOf(row: readonly Readonly<{ bitsPerSecond: number }>[]): number {
  return row.reduce((sum, { bitsPerSecond }) => sum + bitsPerSecond, 0);
}

/** Open deals first, then the history, newest first. */
export function dealsView(
  state: HostState,
  receipts: readonly Receipt[],
  limit: number,
): readonly DealView[] {
  const open = [...state.deals.values()]
    .filter(({ endedAtMs }) => endedAtMs === null)
    .map((deal) => openDealView(state, deal));
  const seen = new Set(open.map(({ deal }) => deal));
  const ended: DealView[] = [];
  for (const receipt of receipts) {
    if (receipt.kind !== 'deal' || seen.has(receipt.deal)) continue;
    seen.add(receipt.deal);
    ended.push({
      deal: receipt.deal,
      role: receipt.role,
      peer: hostName(state, receipt.peer),
      phase: receipt.phase,
      ...ownSides(state, receipt.role, receipt),
      gainBitsPerSecond: receipt.gainBitsPerSecond,
      detail: receipt.detail,
      atMs: receipt.atMs,
    });
  }
  return [...open, ...ended].slice(0, limit);
}

function openDealView(state: HostState, deal: Deal): DealView {
  return {
    deal: deal.id,
    role: deal.role,
    peer: hostName(state, deal.peer),
    phase: deal.phase,
    ...ownSides(state, deal.role, deal.exchange),
    gainBitsPerSecond: deal.gainBitsPerSecond,
    detail: deal.detail,
    atMs: deal.startedAtMs,
  };
}

/** An exchange is written from the proposer's side; operators read what their own host gives and takes. */
function ownSides(
  state: HostState,
  role: Deal['role'],
  { give, take }: Exchange,
): Pick<DealView, 'give' | 'take'> {
  const given = give.map((domain) => domainName(state, domain));
  const taken = take.map((domain) => domainName(state, domain));
  return role === 'proposer' ? { give: given, take: taken } : { give: taken, take: given };
}

/** What is to come (recommended, waiting), what is under way, and the history, newest first. */
export function movesView(
  state: HostState,
  receipts: readonly Receipt[],
  limit: number,
): readonly MoveView[] {
  const running = [...state.settlements.values()]
    .filter(isUnderWay)
    .map((settlement) => settlementView(state, settlement));
  const leaving = [...state.homes.values()]
    .filter((entry) => entry.holder !== state.config.self && entry.settlement === null)
    .map((entry): MoveView => {
      const refused = state.refused.get(entry.domain);
      return {
        ...notStarted,
        settlement: entry.domain,
        domain: entry.domain,
        name: entry.name,
        from: state.config.name,
        to: hostName(state, entry.holder),
        phase: refused?.reason === 'needs-approval' ? 'recommended' : 'agreed',
        detail: refused?.detail ?? 'agreed on paper; waits until trading is quiet',
      };
    });
  const arriving = [...state.holdings.values()]
    .filter((holding) => holding.givenTo === null)
    .map((holding): MoveView => {
      const { domain, home } = holding.claim;
      const kept = [...state.reservations.values()].find((one) => one.domain === domain);
      return {
        ...notStarted,
        settlement: kept?.settlement ?? domain,
        domain,
        name: holding.traits.name,
        from: hostName(state, home),
        to: state.config.name,
        phase: kept?.phase ?? 'agreed',
        detail: kept === undefined ? holding.waiting : 'room is kept for it here',
        startedAtMs: kept?.startedAtMs ?? null,
      };
    });
  const ended: MoveView[] = [];
  for (const receipt of receipts) {
    if (receipt.kind !== 'move') continue;
    const settlement = state.settlements.get(receipt.settlement);
    ended.push({
      ...notStarted,
      settlement: receipt.settlement,
      domain: receipt.domain,
      name: settlement?.name ?? domainName(state, receipt.domain),
      from: hostName(state, receipt.from),
      to: hostName(state, receipt.to),
      phase: receipt.moved === null ? 'unknown' : receipt.moved ? 'moved' : 'failed',
      detail: receipt.detail,
      startedAtMs:
        receipt.statistics === null ? null : receipt.atMs - receipt.statistics.durationMs,
      endedAtMs: receipt.atMs,
      bytesSent: receipt.statistics?.bytes ?? 0,
      downtimeMs: receipt.statistics?.downtimeMs ?? null,
    });
  }
  return [...running, ...leaving, ...arriving, ...ended].slice(0, limit);
}

const notStarted = {
  startedAtMs: null,
  endedAtMs: null,
  bytesSent: 0,
  bytesRemaining: 0,
  bytesPerSecond: 0,
  downtimeMs: null,
} as const;

function settlementView(state: HostState, settlement: Settlement): MoveView {
  const progress = state.progress.get(settlement.settlement);
  return {
    settlement: settlement.settlement,
    domain: settlement.domain,
    name: settlement.name,
    from: state.config.name,
    to: hostName(state, settlement.to),
    phase: settlement.phase,
    detail: settlement.detail,
    startedAtMs: settlement.startedAtMs,
    endedAtMs: settlement.endedAtMs,
    bytesSent: progress?.bytesSent ?? 0,
    bytesRemaining: progress?.bytesRemaining ?? 0,
    bytesPerSecond: progress?.bytesPerSecond ?? 0,
    downtimeMs: progress?.downtimeMs ?? null,
  };
}
