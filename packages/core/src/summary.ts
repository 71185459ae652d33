/** The load summary: what this host tells everybody, every few seconds and whenever it has news. */

import { paperLoad } from './book.ts';
import type { LoadSummary } from './model.ts';
import type { Turn } from './state.ts';
import { whyNotTrading } from './trading.ts';

/** Sequence numbers are reserved in the journal this many at a time: they only grow, also over a crash. */
const sequenceBatch = 1_000;

/** Broadcasts a summary when one is due. */
export function summarize(turn: Turn): void {
  const { state, nowMs } = turn;
  const { config, sample } = state;
  const { summaryEveryMs } = config.timing;
  const tooFar = state.nextSummaryAtMs - nowMs > summaryEveryMs;
  if (sample === null || (nowMs < state.nextSummaryAtMs && !tooFar)) return;
  state.nextSummaryAtMs = nowMs + summaryEveryMs;
  const summary: LoadSummary = {
    host: config.self,
    name: config.name,
    sequence: nextSequence(turn),
    location: config.location,
    mode: state.settings.mode,
    stopped: state.settings.stopped || state.pausing,
    capacity: sample.capacity,
    load: paperLoad(state),
    measured: whyNotTrading(state, nowMs)?.reason !== 'not-measured',
    domains: [...state.homes.values()].map(({ domain, name, holder, version }) => ({
      domain,
      name,
      holder,
      version,
      addresses: state.samples.get(domain)?.addresses ?? [],
    })),
  };
  state.lastSummary = summary;
  turn.emit({ kind: 'broadcast', summary });
}

function nextSequence(turn: Turn): number {
  const { state } = turn;
  const last = state.lastSummary?.sequence;
  // The clock is a floor, so that a host that lost its journal is heard again at once.
  const first = Math.max(state.settings.sequence + 1, Math.floor(turn.nowMs));
  const next = last === undefined ? first : last + 1;
  if (last === undefined || next >= state.settings.sequence) {
    state.settings = { ...state.settings, sequence: next + sequenceBatch };
    turn.record({ kind: 'settings', key: 'settings', value: state.settings });
  }
  return next;
}
