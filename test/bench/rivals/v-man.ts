/**
 * V-MAN (Marzolla, Babaoglu, Panzieri, 2011), for consolidation only: every round, every host asks some random
 * peers (20, or all there are), and of each two the one that is less full hands over as much as fits to the
 * other. It knows nothing of traffic; its own measure is how many hosts it empties.
 *
 * Messages: question and answer with each peer, one for a transfer. Ends when a round changes nothing.
 */

import { seededRandom, shuffle } from '../cluster.ts';
import { type Outcome, Trace } from './outcome.ts';
import type { Placement } from './placement.ts';

const peersMax = 20;
const roundsMax = 1_000;

export function vMan(placement: Placement, seed: number): Outcome {
  const trace = new Trace(placement);
  const random = seededRandom(seed);
  const everybody = Array.from({ length: placement.hosts }, (_, n) => n);
  const load = (host: number): number => {
    let bytes = 0;
    for (const domain of placement.on(host)) bytes += placement.bytes[domain] ?? 0;
    return bytes;
  };
  for (let round = 1, busy = true; busy && round <= roundsMax; round++) {
    busy = false;
    for (const host of shuffle(everybody, random)) {
      const peers = shuffle(everybody, random).filter((peer) => peer !== host);
      for (const peer of peers.slice(0, peersMax)) {
        trace.messages += 2;
        const [less, more] = load(host) <= load(peer) ? [host, peer] : [peer, host];
        for (const domain of [...placement.on(less)]) {
          if (!placement.fits(domain, more)) continue;
          placement.move(domain, more);
          trace.messages++;
          busy = true;
        }
      }
    }
    trace.note(round);
  }
  return trace.outcome();
}
