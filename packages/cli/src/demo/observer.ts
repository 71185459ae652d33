/**
 * Watches the demo: the world itself for where VMs are and what moves, the agents' control sockets for
 * the deals. Keeps the story of it and counts.
 */

import type { DealView } from '@barter/agent/api.ts';
import type { World, WorldEvent, WorldHost } from '@barter/sim';
import { bytes, duration, rate } from '../format.ts';
import type { AgentProcess } from './agent-process.ts';
import type { DemoEvent, DemoPhase, DemoSummary, DemoView, HostView } from './demo-view.ts';

/** Only the newest events are shown; all are counted. */
const eventsKept = 50;
const dealsAsked = 40;

export class Observer {
  readonly #world: World;
  readonly #startedAt = performance.now();
  readonly #initialCost: number;
  readonly #onEvent: (event: DemoEvent) => void;
  readonly #events: DemoEvent[] = [];
  readonly #deals = new Map<string, DealView>();
  readonly #agents: AgentProcess[] = [];
  /** Who holds each VM's claim, as its home says. */
  readonly #holders = new Map<string, string>();
  readonly #migrating = new Map<string, { from: string; to: string }>();
  readonly problems: string[] = [];
  #moves = 0;
  #failedMoves = 0;
  #migratedBytes = 0;
  #downtimeMsMax = 0;
  #agentsUp = 0;
  /** When something last happened, by `performance.now()`. */
  #changedAt = performance.now();
  #open = true;
  #polls = 0;

  constructor(world: World, onEvent: (event: DemoEvent) => void) {
    this.#world = world;
    this.#initialCost = world.networkCost();
    for (const [name, host] of Object.entries(world.placement())) this.#holders.set(name, host);
    this.#onEvent = onEvent;
    world.onEvent((event) => this.#seen(event));
  }

  agentUp(agent: AgentProcess): void {
    this.#agents.push(agent);
    this.#agentsUp++;
    this.#changedAt = performance.now();
  }

  problem(text: string): void {
    this.problems.push(text);
    this.#tell('problem', text);
  }

  tell(text: string): void {
    this.#tell('agent', text);
  }

  /** Asks every agent for its deals and whether it has anything under way. */
  async poll(): Promise<void> {
    const open = await Promise.all(this.#agents.map((agent) => this.#ask(agent)));
    this.#open = open.includes(true);
    this.#polls++;
  }

  /**
   * Whether the cluster has been quiet for this long: no deal and no move, and no claim held away from
   * home. Before the first deal it takes five times as long: agents measure before they trade.
   */
  quietFor(seconds: number): boolean {
    if (this.#open || this.#migrating.size > 0 || this.#polls === 0) return false;
    const patience = this.#deals.size > 0 ? seconds : 5 * seconds;
    return performance.now() - this.#changedAt > patience * 1000;
  }

  view(): DemoView {
    return {
      phase: this.#phase(),
      elapsedSeconds: this.#elapsed(),
      agentsUp: this.#agentsUp,
      initialCost: this.#initialCost,
      cost: this.#world.networkCost(),
      paperCost: this.#paperCost(),
      hosts: this.#world.hosts.map((host) => this.#host(host)),
      moving: [...this.#migrating].map(([domain, { from, to }]) => {
        const progress = this.#world.progress(domain);
        const total = (progress?.bytesSent ?? 0) + (progress?.bytesRemaining ?? 0);
        return {
          domain,
          from,
          to,
          share: total > 0 ? (progress?.bytesSent ?? 0) / total : 0,
          bytesPerSecond: progress?.bytesPerSecond ?? 0,
        };
      }),
      events: this.#events,
    };
  }

  summary(): DemoSummary {
    const copies = this.#world.domains.map((domain) => ({
      name: domain.id as string,
      copies: this.#world.hostsRunning(domain).length,
    }));
    const named = (wanted: (count: number) => boolean) =>
      copies.filter((entry) => wanted(entry.copies)).map((entry) => entry.name);
    const lost = named((count) => count === 0);
    const doubled = named((count) => count > 1);
    const finalCost = this.#world.networkCost();
    const problems = [...this.problems];
    if (lost.length > 0) problems.push(`Lost: ${lost.join(', ')}.`);
    if (doubled.length > 0) problems.push(`Running twice: ${doubled.join(', ')}.`);
    if (finalCost >= this.#initialCost) problems.push('The network cost did not fall.');
    const deals = [...this.#deals.values()];
    return {
      ok: problems.length === 0,
      initialCost: this.#initialCost,
      finalCost,
      hosts: this.#world.hosts.length,
      domains: this.#world.domains.length,
      deals: deals.length,
      swaps: deals.filter((deal) => deal.give.length > 0 && deal.take.length > 0).length,
      moves: this.#moves,
      failedMoves: this.#failedMoves,
      migratedBytes: this.#migratedBytes,
      downtimeMsMax: this.#downtimeMsMax,
      seconds: Math.round(this.#elapsed() * 10) / 10,
      lost,
      doubled,
      problems,
    };
  }

  #phase(): DemoPhase {
    if (this.#agentsUp < this.#world.hosts.length) return 'starting';
    if (this.#migrating.size > 0) return 'moving';
    if (this.#deals.size === 0) return 'measuring';
    return this.#open ? 'trading' : 'quiet';
  }

  #paperCost(): number {
    const hostOf = (index: number) => {
      const name = this.#world.domains[index]?.id ?? '';
      return this.#world.host(this.#holders.get(name) ?? '');
    };
    let cost = 0;
    const { traffic, topology } = this.#world;
    for (let pair = 0; pair < traffic.size; pair++) {
      const [one, other] = traffic.ends(pair);
      if (other < 0) continue;
      cost += traffic.rate(pair) * topology.between(hostOf(one), hostOf(other));
    }
    return cost;
  }

  #elapsed(): number {
    return (performance.now() - this.#startedAt) / 1000;
  }

  #host(host: WorldHost): HostView {
    const load = this.#world.load(host.id);
    const leaving = (name: string) => this.#migrating.get(name)?.from === host.id;
    return {
      name: host.id,
      place: host.location.join('/'),
      memoryShare: load.memoryBytes / host.capacity.memoryBytes,
      cpuShare: load.cpu / host.capacity.vcpus,
      nicBitsPerSecond: load.nicBitsPerSecond,
      vms: [
        ...[...host.running].map((domain) => ({
          name: domain.id as string,
          state: leaving(domain.id) ? ('leaving' as const) : ('here' as const),
        })),
        ...[...host.arriving].map((domain) => ({
          name: domain.id as string,
          state: 'arriving' as const,
        })),
      ].sort((left, right) => left.name.localeCompare(right.name)),
    };
  }

  #seen(event: WorldEvent): void {
    if (event.kind === 'migration-started') {
      this.#migrating.set(event.domain, { from: event.host, to: event.target });
      this.#tell('departure', `${event.domain} sets out from ${event.host} to ${event.target}`);
    } else if (event.kind === 'migration-ended') {
      this.#migrating.delete(event.domain);
      const way = `${event.domain}: ${event.host} → ${event.target}`;
      if (!event.moved) {
        this.#failedMoves++;
        this.#tell('move', `${way} did not happen: ${event.detail}`);
        return;
      }
      this.#moves++;
      this.#migratedBytes += event.bytes;
      this.#downtimeMsMax = Math.max(this.#downtimeMsMax, event.downtimeMs);
      const cost = rate(this.#world.networkCost());
      this.#tell(
        'move',
        `${way}, ${bytes(event.bytes)} in ${duration(Math.max(1, event.durationMs / 1000))}, ` +
          `paused for ${event.downtimeMs} ms; cost now ${cost}`,
      );
    }
  }

  /** True while the agent has a deal, a claim or a move open. */
  async #ask(agent: AgentProcess): Promise<boolean> {
    const [deals, status, vms] = await Promise.all([
      agent.client.view('deals', { limit: dealsAsked }),
      agent.client.view('status'),
      agent.client.view('domains'),
    ]);
    if (vms.ok) {
      for (const { name, home, holder } of vms.value) {
        if (home === agent.name) this.#holders.set(name, holder);
      }
    }
    if (deals.ok) for (const deal of [...deals.value].reverse()) this.#learn(agent.name, deal);
    if (!status.ok) return true;
    const { domains, deals: counts, migrations } = status.value;
    return (
      counts.open > 0 ||
      domains.heldElsewhere > 0 ||
      domains.heldHere > 0 ||
      migrations.running.length > 0
    );
  }

  /** A deal is told once, by its proposer, who decides. */
  #learn(proposer: string, deal: DealView): void {
    if (deal.role !== 'proposer' || (deal.phase !== 'committed' && deal.phase !== 'done')) return;
    if (this.#deals.has(deal.deal)) return;
    this.#deals.set(deal.deal, deal);
    const arrow = deal.take.length === 0 ? '→' : deal.give.length === 0 ? '←' : '⇄';
    const goods = [deal.give.join(', '), deal.take.join(', ')].filter(Boolean).join(' for ');
    const gain = rate(deal.gainBitsPerSecond);
    this.#tell('deal', `${proposer} ${arrow} ${deal.peer}: ${goods}, saves ${gain}`);
  }

  #tell(kind: DemoEvent['kind'], text: string): void {
    const event = { atSeconds: this.#elapsed(), kind, text };
    this.#events.push(event);
    if (this.#events.length > eventsKept) this.#events.shift();
    if (kind !== 'agent') this.#changedAt = performance.now();
    this.#onEvent(event);
  }
}
