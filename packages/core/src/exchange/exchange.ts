/**
 * Two books in, the best exchange or none out. The responder of a deal, who sees both books, runs
 * this; the proposer evaluates what comes back against its own data (`evaluateExchange`).
 */

import type { CostParameters } from '../model/cost.ts';
import type { Book, DomainId, Exchange, Offer, Policy } from '../model/model.ts';
import { type Board, layOut } from './board.ts';
import { bestBundle } from './bundle.ts';
import { type Evaluation, evaluateOn, exchangeOf } from './evaluate.ts';
import { bestSingle, bestSwap, type Candidate } from './pairwise.ts';

export {
  type Evaluation,
  type ExchangeViolation,
  evaluateExchange,
} from './evaluate.ts';
export { areBothFull } from './first-step.ts';
export { Outlook, outlook, type Peer, potentialWith } from './potential.ts';

/** `single`: one claim one way. `swap`: that, or one each way. `bundle`: any number each way. */
export type SearchKind = 'single' | 'swap' | 'bundle';

export type SearchOptions = Readonly<{
  /** The margin: an exchange must gain at least this, or there is none. */
  minGainBitsPerSecond: number;
  kind: SearchKind;
}>;

export type FoundExchange = Readonly<{ exchange: Exchange; evaluation: Evaluation }>;

/**
 * The best exchange that is found within both hosts' limits and all rules and gains at least
 * the margin; `undefined` when there is none. Exact for moves and swaps, a heuristic for bundles.
 */
export function bestExchange(
  proposer: Book,
  responder: Book,
  parameters: CostParameters,
  options: SearchOptions,
): FoundExchange | undefined {
  const board = layOut(proposer, responder, parameters);
  const found = search(board, options);
  if (!found) return undefined;
  const exchange = exchangeOf(board, found.moves);
  const evaluation = evaluateOn(board, exchange);
  const pays = evaluation.gainBitsPerSecond >= options.minGainBitsPerSecond;
  return pays && evaluation.violations.length === 0 ? { exchange, evaluation } : undefined;
}

function search(
  board: Board,
  { kind, minGainBitsPerSecond }: SearchOptions,
): Candidate | undefined {
  switch (kind) {
    case 'single':
      return bestSingle(board);
    case 'swap':
      return bestSwap(board);
    case 'bundle':
      return bestBundle(board, minGainBitsPerSecond);
  }
}

/**
 * A book cut down to what the other side, whose book is `other`, needs to evaluate one exchange exactly as
 * this side does: the claims that move, the offers that talk to one of them or are to be kept together with one, and
 * where the partners of all that move are. The rest still counts as held here, and is most of a book's size.
 */
export function excerptFor(book: Book, exchange: Exchange, other?: Book): Book {
  const moving = new Set<DomainId>([...exchange.give, ...exchange.take]);
  const moved = [...book.offers, ...(other?.offers ?? [])].filter(isMoving);
  const rows = moved.map(({ row }) => row);
  const groups = new Set(moved.flatMap(({ traits }) => traits.policy.keepTogether ?? []));
  const named = new Set(rows.flatMap((row) => row.map(({ partner }) => partner)));
  const offers: Offer[] = [];
  const dropped: Policy[] = [];
  for (const offer of book.offers) {
    const talks = offer.row.some(({ partner }) => partner !== 'external' && moving.has(partner));
    const { policy } = offer.traits;
    const isTogether = policy.keepTogether !== undefined && groups.has(policy.keepTogether);
    if (isMoving(offer) || talks || isTogether || named.has(offer.claim.domain)) offers.push(offer);
    else dropped.push(policy);
  }
  return {
    ...book,
    offers,
    fixed: {
      keepApart: [...book.fixed.keepApart, ...dropped.flatMap((p) => p.keepApart ?? [])],
      keepTogether: [...book.fixed.keepTogether, ...dropped.flatMap((p) => p.keepTogether ?? [])],
    },
    partners: book.partners.filter(({ domain }) => named.has(domain)),
  };

  function isMoving({ claim }: Offer): boolean {
    return moving.has(claim.domain);
  }
}
