/** The members of the roster, and who of them is connected: what changes for a host when they change. */

import { excuse, forgetStanding } from './credibility/standing.ts';
import { announceAgain, announceChanges } from './information/announcing.ts';
import { standHere } from './information/looking-around.ts';
import { Ring } from './information/ring.ts';
import { seekAgain } from './information/seeking.ts';
import { isFew } from './information/summary.ts';
import type { HostId } from './model/model.ts';
import type { PeerState } from './ports.ts';
import type { Turn } from './state.ts';

export function changePeers(turn: Turn, peers: readonly PeerState[]): void {
  const { state } = turn;
  const { information, directory, connected } = state;
  const others = new Set(peers.map(({ host }) => host));
  const left = [...information.others].filter((host) => !others.has(host));
  const joined = peers.some(({ host }) => !information.others.has(host));
  const reachable = peers.filter((peer) => peer.connected).map(({ host }) => host);
  const back = new Set<HostId>(reachable.filter((host) => !connected.has(host)));
  for (const { host, connected: isConnected } of peers) if (!isConnected) excuse(state, host);
  information.others = others;
  information.partnersFrom = undefined;
  information.reachable = reachable;
  connected.clear();
  for (const host of reachable) connected.add(host);
  for (const host of left) {
    directory.forget(host);
    forgetStanding(state, host);
    information.shelf.forget(host);
    information.regions.forget(host);
  }
  if (joined || left.length > 0) {
    information.ring = new Ring([state.config.self, ...others]);
    announceChanges(turn);
    standHere(turn);
  }
  if (back.size > 0) {
    announceAgain(turn, back);
    standHere(turn, back);
  }
  if (joined || left.length > 0 || back.size > 0) seekAgain(turn, back, joined);
  // Whoever has just connected should not have to wait for our next round.
  if (back.size > 0 && isFew(state)) state.nextSummaryAtMs = 0;
}
