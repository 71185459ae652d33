/**
 * How much of each sort of work one peer may ask for. Reading a frame costs microseconds; what it asks for
 * may cost a thousand times that: a proposal is a search through two books, a question a walk over tables.
 *
 * What is beyond the allowance is dropped, which every sender of it can stand: messages are best effort and are
 * repeated, requests time out. Whoever keeps on is shut out. Honest peers stay far below (`protocol.md`: who
 * says what how often); the measured cost of one that does not is in `security.md`.
 */

import { TokenBucket } from './rate-limit.ts';
import type { Frame } from './wire/frame.ts';

type Work = 'proposals' | 'questions' | 'requests' | 'roster' | 'other messages' | 'signs of life';

const allowed: Readonly<Record<Work, Readonly<{ capacity: number; perSecond: number }>>> = {
  // 60 ms each; an honest host is in one undecided deal at a time, and repeats itself once a second.
  proposals: { capacity: 10, perSecond: 2 },
  // Whereabouts of up to 256 domains at once, a millisecond each.
  questions: { capacity: 500, perSecond: 50 },
  // A snapshot of a large host takes some hundred pages, once.
  requests: { capacity: 400, perSecond: 20 },
  // The whole roster takes a few dozen frames; news are rare.
  roster: { capacity: 200, perSecond: 5 },
  'other messages': { capacity: 4000, perSecond: 400 },
  'signs of life': { capacity: 200, perSecond: 50 },
};
/** A dropped proposal counts as so many dropped frames: even unread by the core, a book is the largest thing there is. */
const proposalWeight = 4;
/** Dropped frames that are forgiven: a peer may hang and then send everything at once. */
const dropsForgiven = { capacity: 100, perSecond: 5 };

export type Verdict = 'allowed' | 'dropped' | Readonly<{ floodsWith: Work }>;

export class Allowance {
  readonly #buckets = new Map<Work, TokenBucket>();
  readonly #drops: TokenBucket;
  readonly #nowMs: () => number;

  constructor(nowMs: () => number = () => performance.now()) {
    this.#nowMs = nowMs;
    this.#drops = new TokenBucket(dropsForgiven, nowMs);
  }

  take(frame: Frame): Verdict {
    const work = workOf(frame);
    if (work === undefined) return 'allowed';
    let bucket = this.#buckets.get(work);
    if (bucket === undefined) {
      bucket = new TokenBucket(allowed[work], this.#nowMs);
      this.#buckets.set(work, bucket);
    }
    if (bucket.take()) return 'allowed';
    const weight = work === 'proposals' ? proposalWeight : 1;
    return this.#drops.take(weight) ? 'dropped' : { floodsWith: work };
  }
}

/** Undefined for what is the answer to something that this host asked: it is bounded by the asking. */
function workOf(frame: Frame): Work | undefined {
  switch (frame.kind) {
    case 'answer':
    case 'failure':
      return undefined;
    case 'request':
      return 'requests';
    case 'roster':
      return 'roster';
    case 'core':
      break;
    default:
      return 'signs of life';
  }
  switch (frame.message.kind) {
    case 'propose':
    case 'accept':
      return 'proposals';
    case 'announce':
    case 'seek':
    case 'found':
    case 'nearby':
    case 'near':
      return 'questions';
    default:
      return 'other messages';
  }
}
