/**
 * What an exchange is worth, exactly: the change in the cost of the whole placement, computed from two
 * books alone, and the hard limits and rules that it would break. Both sides run this on their own
 * data before they promise anything.
 */

import { type CostParameters, type CostTerms, hostCost, totalCost } from '../model/cost.ts';
import type { Book, DomainId, Exchange, HostLoad } from '../model/model.ts';
import {
  type GroupCounts,
  keepApartViolations,
  keepTogetherViolations,
  type PolicyViolation,
  receiveViolation,
} from '../model/policy.ts';
import { type Board, layOut } from './board.ts';
import type { Groups } from './groups.ts';
import { Position } from './position.ts';
import { type BySide, otherSide, type Side } from './side.ts';

export type ExchangeViolation =
  | PolicyViolation
  | Readonly<{
      /**
       * `not-offered`: the claim is not in the giving host's book, or not its to give; `memory`,
       * `vcpus`: the host would be above its limit; `no-first-step`: nothing could move before something
       * else has; `empty`: nothing moves.
       */
      code: 'not-offered' | 'memory' | 'vcpus' | 'no-first-step' | 'empty';
      domain?: DomainId;
      message: string;
    }>;

export type Evaluation = Readonly<{
  /** By how much the cost of the whole placement falls; bit/s. Meaningful without violations only. */
  gainBitsPerSecond: number;
  /** The same by cause; each is positive where that part of the cost falls. */
  terms: CostTerms;
  violations: readonly ExchangeViolation[];
}>;

/** Evaluates an exchange of two books. Pure and symmetric: either side comes to the same answer. */
export function evaluateExchange(
  proposer: Book,
  responder: Book,
  exchange: Exchange,
  parameters: CostParameters,
): Evaluation {
  return evaluateOn(layOut(proposer, responder, parameters), exchange);
}

/** The same on a board that is laid out already. */
export function evaluateOn(board: Board, exchange: Exchange): Evaluation {
  const { moves, violations } = resolve(board, exchange);
  const before = new Position(board);
  const after = new Position(board);
  for (const move of moves) after.move(move);
  const hostsBefore = hostTerms(before);
  const hostsAfter = hostTerms(after);
  const terms: CostTerms = {
    network: -after.network,
    nic: hostsBefore.nic - hostsAfter.nic,
    cpu: hostsBefore.cpu - hostsAfter.cpu,
    memory: hostsBefore.memory - hostsAfter.memory,
    displacement: -after.displacement,
    hostOn: hostsBefore.hostOn - hostsAfter.hostOn,
    overLimit: hostsBefore.overLimit - hostsAfter.overLimit,
  };
  return {
    gainBitsPerSecond: totalCost(terms),
    terms,
    violations: [
      ...violations,
      ...moves.flatMap((offer) => ruleViolation(board, offer)),
      ...limitViolations(after),
      ...groupViolations(after),
    ],
  };
}

/** The exchange that a list of moved offers is. */
export function exchangeOf(board: Board, moves: Iterable<number>): Exchange {
  const give: DomainId[] = [];
  const take: DomainId[] = [];
  for (const i of moves) {
    const domain = board.offers[i]?.claim.domain;
    if (domain !== undefined) (board.side[i] === 0 ? give : take).push(domain);
  }
  return { give, take };
}

/** Turns domain ids into offers; each counts once, and only in the direction in which it can go. */
function resolve(
  board: Board,
  exchange: Exchange,
): { moves: number[]; violations: ExchangeViolation[] } {
  const moves = new Set<number>();
  const violations: ExchangeViolation[] = [];
  for (const side of [0, 1] as const) {
    for (const domain of side === 0 ? exchange.give : exchange.take) {
      const offer = board.index.get(domain);
      if (offer !== undefined && board.side[offer] === side && !moves.has(offer)) {
        moves.add(offer);
        continue;
      }
      const message = `${board.books[side].name} does not offer ${domain}, or it is named twice.`;
      violations.push({ code: 'not-offered', domain, message });
    }
  }
  if (moves.size === 0) violations.push({ code: 'empty', message: 'The exchange moves nothing.' });
  return { moves: [...moves], violations };
}

function hostTerms(position: Position): CostTerms {
  const { parameters, capacity } = position.board;
  const terms = ([0, 1] as const).map((s) =>
    hostCost(loadOf(position, s), capacity[s], parameters),
  );
  const sum = (term: keyof CostTerms): number => terms.reduce((total, t) => total + t[term], 0);
  return {
    network: 0,
    nic: sum('nic'),
    cpu: sum('cpu'),
    memory: sum('memory'),
    displacement: 0,
    hostOn: sum('hostOn'),
    overLimit: sum('overLimit'),
  };
}

function loadOf(position: Position, side: Side): HostLoad {
  return {
    memoryBytes: position.memoryBytes[side] ?? 0,
    vcpus: position.vcpus[side] ?? 0,
    cpu: position.cpu[side] ?? 0,
    nicBitsPerSecond: position.nic[side] ?? 0,
  };
}

function ruleViolation(board: Board, offer: number): readonly PolicyViolation[] {
  if (board.movable[offer] === 1) return [];
  const { claim, traits } = board.offers[offer] ?? {};
  const target = board.books[otherSide(board.side[offer] === 0 ? 0 : 1)];
  if (!claim || !traits) return [];
  const found = receiveViolation({ ...claim, name: traits.name, policy: traits.policy }, target);
  return found ? [found] : [];
}

function limitViolations(position: Position): ExchangeViolation[] {
  const violations: ExchangeViolation[] = [];
  for (const side of [0, 1] as const) {
    const { name } = position.board.books[side];
    const { memoryBytes, vcpus } = position.overflow(side);
    if (memoryBytes > 0) {
      const mebibytes = Math.ceil(memoryBytes / 2 ** 20);
      const message = `${name} would hold ${mebibytes} MiB more than its memory limit.`;
      violations.push({ code: 'memory', message });
    }
    if (vcpus > 0) {
      const message = `${name} would hold ${vcpus} vCPUs more than its limit.`;
      violations.push({ code: 'vcpus', message });
    }
  }
  if (!position.canBegin()) {
    const [one, other] = position.board.books;
    const message = `Neither ${one.name} nor ${other.name} has room for the first of these moves.`;
    violations.push({ code: 'no-first-step', message });
  }
  return violations;
}

function groupViolations(position: Position): readonly PolicyViolation[] {
  if (position.groupsAllowed()) return [];
  const { books, apart, together } = position.board;
  const names = [books[0].name, books[1].name] as const;
  const apartAfter = countsAfter(position, apart);
  return [
    ...([0, 1] as const).flatMap((s) =>
      keepApartViolations(names[s], counts(apart, apart.held[s]), apartAfter[s]),
    ),
    ...keepTogetherViolations(
      names,
      [counts(together, together.held[0]), counts(together, together.held[1])],
      [counts(together, together.offered[0]), counts(together, together.offered[1])],
      countsAfter(position, together),
    ),
  ];
}

function counts(groups: Groups, held: Int32Array): GroupCounts {
  return new Map(groups.names.map((name, group) => [name, held[group] ?? 0]));
}

function countsAfter(position: Position, groups: Groups): BySide<GroupCounts> {
  const held = groups.held.map((h) => Int32Array.from(h));
  for (const [i, group] of groups.of.entries()) {
    const [from, to] = [position.board.side[i] ?? 0, position.side[i] ?? 0];
    const [source, target] = [held[from], held[to]];
    if (group < 0 || from === to || !source || !target) continue;
    source[group] = (source[group] ?? 0) - 1;
    target[group] = (target[group] ?? 0) + 1;
  }
  return [counts(groups, held[0] ?? new Int32Array()), counts(groups, held[1] ?? new Int32Array())];
}
