/**
 * Receipts tell the truth, and both hosts have theirs. A move is recorded as it really ended; every deal that the
 * proposer committed has a receipt at the responder, and the two agree unless one side's patience had ended; every
 * move that its home recorded has a counterpart at the other host.
 */

import type { HostId } from '@barter/core';
import { noticedMs } from '../facts.ts';
import type { ReceiptOf } from '../records.ts';
import type { Checker, Scene } from '../scene.ts';
import { Violation } from '../violation.ts';

type Outcome = 'under-way' | 'moved' | 'stayed';
type DealReceipt = ReceiptOf & { kind: 'deal' };
type MoveReceipt = ReceiptOf & { kind: 'move' };

const told = (moved: boolean | null) =>
  moved === null ? 'may have moved' : moved ? 'moved' : 'did not move';

export function receipts(scene: Scene): Checker {
  const name = 'receipts';
  const { world, facts, hosts } = scene;
  /** By settlement: how its migration really ended. */
  const outcomes = new Map<string, Outcome>();
  /** By settlement: when its home promised it. */
  const beganAtMs = new Map<string, number>();
  const underWay = new Map<string, string>();
  const toldStayed = new Map<string, HostId>();
  /** By host and domain: when it last stopped there. */
  const stoppedAtMs = new Map<string, number>();
  /** Settlements of which the home has heard from the target that the domain came. */
  const heardOf = new Set<string>();

  const recorded = (host: HostId, receipt: MoveReceipt) => {
    const { settlement, domain, moved, to } = receipt;
    const outcome = outcomes.get(settlement);
    const isThere = scene.runsAt(to, domain);
    const fail = (text: string): never => {
      throw new Violation(
        name,
        [settlement, domain],
        `${host} records that ${domain} ${told(moved)} to ${to}, and ${text}`,
      );
    };
    // What an administrator has brought to the target is no news to the home before a word of it has come through.
    const isNews = isByHand(settlement, domain) && !heardOf.has(settlement);
    if (moved === null && scene.isAlive(to) && arrivalAt(to, settlement)?.moved && !isNews)
      fail(`${to} that it did`);
    // What was decided, durably, is what is told: whatever somebody did by hand since.
    const decided = scene.records(host).get('settlement', settlement)?.decided;
    if (decided === 'clear' && moved !== true) fail('had decided that it has run there');
    if (decided === 'resume' && moved) fail('had decided that it has never run there');
    const refused = scene.records(to).get('arrival', settlement)?.ended === 'refused';
    if (moved && host !== to && refused) fail('the target had refused it for good');
    // Taken away or brought by hand before its home had found out: it is told how things looked, not more than that.
    if (outcome !== 'under-way' && isByHand(settlement, domain)) {
      const sinceMs = beganAtMs.get(settlement) ?? 0;
      if (moved && outcome !== 'moved' && !hasRunAt(to, domain, sinceMs))
        fail('it has never run there since that was promised');
      if (moved === false && outcome === 'moved' && host !== to && !isLeftAt(host, domain))
        fail('it did, and nothing of it is at its home');
      if (moved === false && outcome === 'moved' && host === to && isThere) fail('it is there');
      return;
    }
    if (moved && outcome !== 'moved' && !isThere) fail(`its migration ${outcome ?? 'never began'}`);
    if (moved) return;
    toldStayed.set(settlement, host);
    if (moved === null && (isThere || scene.runsAt(host, domain))) fail('it is on one of the two');
    if (moved === false && outcome === 'moved') fail('it did');
    if (outcome === 'under-way' && !isResumed(host, receipt)) fail('it is still migrating');
    // A copy that is paused on a third host is of a later migration.
    const isPaused = [receipt.from, to].some((one) => isPausedAt(one, domain));
    if (moved === false && isPaused && host !== to && receipt.detail !== '' && !isRunning(domain))
      fail('it is paused: nobody can know');
  };

  const arrivalAt = (host: HostId, settlement: string) =>
    scene
      .records(host)
      .receipts.find((one) => one.kind === 'move' && one.settlement === settlement) as
      | MoveReceipt
      | undefined;

  /** Also when its home promised it a moment after that, and had not noticed yet. */
  const isByHand = (settlement: string, domain: string) =>
    facts.isHandledSince(domain, (beganAtMs.get(settlement) ?? Infinity) - noticedMs);

  /** Whether it runs there, or did at some time since then. */
  const hasRunAt = (host: HostId, id: string, sinceMs: number) =>
    scene.runsAt(host, id) ||
    (stoppedAtMs.get(`${host} ${id}`) ?? Number.NEGATIVE_INFINITY) >= sinceMs;

  const isPausedAt = (host: HostId, id: string) =>
    [...world.host(host).paused].some((one) => one.id === id);

  /** Brought back, or left by its migration: as a definition, or paused. */
  const isLeftAt = (host: HostId, id: string) => {
    const { running, paused, shutOff } = world.host(host);
    return [...running, ...paused, ...shutOff].some((one) => one.id === id);
  };

  /**
   * An administrator resumed it at its home while its other copy waits in vain. The home may say so while it runs
   * there, or when it was handled once more; the target, when that copy has been ended.
   */
  const isResumed = (host: HostId, { settlement, domain, from }: MoveReceipt) => {
    const atMs = facts.resumedByHand.get(settlement);
    if (atMs === undefined) return false;
    if (from !== host)
      return world.domain(domain)?.waiting.get(world.host(host))?.settlement !== settlement;
    return scene.runsAt(from, domain) || (facts.handled.get(domain)?.atMs ?? -1) > atMs;
  };

  const isRunning = (id: string) => {
    const domain = world.domain(id);
    return domain !== undefined && world.hostsRunning(domain).length > 0;
  };

  /** The last receipt of each deal. */
  const lastDeals = (host: HostId, role: DealReceipt['role']) => {
    const last = new Map<string, DealReceipt>();
    for (const receipt of scene.records(host).receipts)
      if (receipt.kind === 'deal' && receipt.role === role) last.set(receipt.deal, receipt);
    return last;
  };

  const comparePair = (proposer: HostId, receipt: DealReceipt) => {
    const { deal, peer, phase } = receipt;
    if (!scene.isAlive(peer)) return;
    const other = lastDeals(peer, 'responder').get(deal);
    const fail = (text: string): never => {
      throw new Violation(
        name,
        [deal],
        `${proposer} recorded the deal ${deal} with ${peer} as ${phase}, and ${text}`,
      );
    };
    if (phase !== 'committed' && phase !== 'done' && phase !== 'void') {
      if (other?.phase === 'done') fail('the responder as done');
      return;
    }
    if (other === undefined) {
      fail('the responder has no receipt');
      return;
    }
    const isSame =
      other.give.join() === receipt.give.join() && other.take.join() === receipt.take.join();
    if (!isSame) fail('the responder recorded another exchange');
    const sincePatience = /never acknowledged/.test(receipt.detail);
    if (other.phase === 'aborted') fail('the responder as aborted');
    if (phase === 'void' && other.phase === 'done') fail('the responder as done');
    if (phase === 'done' && other.phase === 'void' && !sincePatience) fail('the responder as void');
  };

  return {
    name,
    onWorld(event) {
      if (event.kind === 'stopped') stoppedAtMs.set(`${event.host} ${event.domain}`, world.nowMs());
      if (event.kind === 'migration-started') {
        const id = world.domain(event.domain)?.migration?.settlement;
        if (id === undefined) return;
        underWay.set(event.domain, id);
        outcomes.set(id, 'under-way');
      }
      if (event.kind === 'migration-ended') {
        const id = underWay.get(event.domain) ?? '';
        outcomes.set(id, event.moved ? 'moved' : 'stayed');
        const host = toldStayed.get(id);
        if (event.moved && host !== undefined)
          throw new Violation(
            name,
            [id, event.domain],
            `${host} had recorded that ${event.domain} did not move, and now it did`,
          );
      }
    },
    onHeard(_host, _from, message) {
      if (message.kind === 'located' && message.arrival === 'arrived')
        heardOf.add(message.settlement);
    },
    onPersisted(host, records) {
      for (const record of records)
        if (record.kind === 'settlement' && !beganAtMs.has(record.key))
          beganAtMs.set(record.key, world.nowMs());
      for (const record of records)
        if (record.kind === 'receipt' && record.value.kind === 'move') recorded(host, record.value);
    },
    end() {
      for (const { id } of hosts) {
        if (!scene.isAlive(id)) continue;
        for (const receipt of lastDeals(id, 'proposer').values()) comparePair(id, receipt);
        for (const receipt of scene.records(id).receipts) {
          if (receipt.kind !== 'move' || receipt.from !== id || !scene.isAlive(receipt.to))
            continue;
          // What never began at the hypervisors is nothing that the other host has to know of.
          if (outcomes.get(receipt.settlement) === undefined) continue;
          const other = arrivalAt(receipt.to, receipt.settlement);
          if (other === undefined)
            throw new Violation(
              name,
              [receipt.settlement, receipt.domain],
              `${id} recorded the move of ${receipt.domain} to ${receipt.to}, and ${receipt.to} did not`,
            );
          const isKnowable = !isByHand(receipt.settlement, receipt.domain);
          // Who does not know contradicts nobody, but the one who saw it arrive.
          const isContrary =
            receipt.moved === null ? other.moved === true : other.moved !== receipt.moved;
          if (isContrary && isKnowable)
            throw new Violation(
              name,
              [receipt.settlement, receipt.domain],
              `${id} recorded that ${receipt.domain} ${told(receipt.moved)}, and ${receipt.to} the contrary`,
            );
        }
      }
    },
  };
}
