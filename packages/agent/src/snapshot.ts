/** Gathers a snapshot of the cluster from its members, and answers theirs. */

import type { HostId, HostState } from '@barter/core';
import type { SnapshotView } from './api.ts';
import type { Json, PeerNetwork } from './network/peer-network.ts';
import { failure, type Result, success } from './result.ts';
import { clusterOf } from './views/snapshot.ts';
import {
  readPage,
  type SnapshotPage,
  type SnapshotPart,
  snapshotPage,
} from './views/snapshot-part.ts';

const requestName = 'snapshot';
/** All pages of one member; the control socket promises an answer within three seconds. */
const memberWithinMs = 2_000;
const pagesMax = 256;
/** Members asked at the same time: their answers are large. */
const askedAtOnce = 32;

/** Answers members that gather a snapshot; each asks for `{ from: index of the first domain }`. */
export function answerSnapshots(network: PeerNetwork, state: () => HostState): void {
  network.onRequest(requestName, async (_from, body) => {
    const { from } = (body ?? {}) as { from?: unknown };
    const first = typeof from === 'number' && Number.isSafeInteger(from) && from >= 0 ? from : 0;
    const page = snapshotPage(state(), first);
    return page === undefined
      ? failure('not-measured', notMeasured)
      : success(page as unknown as Json);
  });
}

const notMeasured = 'it has not been measured yet';

/** Our own part, and that of every member that answers in time. */
export async function snapshotView(state: HostState, network: PeerNetwork): Promise<SnapshotView> {
  const parts: SnapshotPart[] = [];
  const missing: { host: string; reason: string }[] = [];
  const names = new Map(network.roster().map(({ host, name }) => [host, name]));
  const take = (host: HostId, part: Result<SnapshotPart>) => {
    if (part.ok) parts.push(part.value);
    else missing.push({ host: names.get(host) ?? host, reason: part.message });
  };
  const { self } = state.config;
  take(
    self,
    await collect(self, async (from) => {
      const page = snapshotPage(state, from);
      return page === undefined ? failure('not-measured', notMeasured) : success(page);
    }),
  );
  const endsAtMs = performance.now() + memberWithinMs;
  const waiting = network.peers().map(({ host }) => host);
  const ask = async (): Promise<void> => {
    for (let host = waiting.shift(); host !== undefined; host = waiting.shift()) {
      const peer = host;
      take(
        peer,
        await collect(peer, async (from) => {
          const leftMs = endsAtMs - performance.now();
          if (leftMs <= 0) return failure('timeout', 'there was no time left to ask it');
          const answer = await network.request(peer, requestName, { from }, leftMs);
          return answer.ok ? readPage(answer.value) : answer;
        }),
      );
    }
  };
  await Promise.all(Array.from({ length: askedAtOnce }, ask));
  // Answers come in any order; the file is the same every time.
  parts.sort((one, other) => (one.host.name < other.host.name ? -1 : 1));
  return { cluster: clusterOf(parts, state.config.cost.distance), missing };
}

/** All pages of one member. It speaks for itself only, and its pages come to an end. */
async function collect(
  host: HostId,
  page: (from: number) => Promise<Result<SnapshotPage>>,
): Promise<Result<SnapshotPart>> {
  const domains: SnapshotPart['domains'][number][] = [];
  let from = 0;
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const answer = await page(from);
    if (!answer.ok) return answer;
    if (answer.value.host.id !== host) return failure('bad-answer', 'it spoke for another host');
    domains.push(...answer.value.domains);
    const { next } = answer.value;
    if (next === null) return success({ host: answer.value.host, domains });
    if (next <= from) return failure('bad-answer', 'its answer does not come to an end');
    from = next;
  }
  return failure('bad-answer', `its answer has more than ${pagesMax} pages`);
}
