/** What a run has shown, as one document and as text; what broke is said first. Pure. */

import type { Loss } from './connections.ts';
import type { Ended } from './ending.ts';
import type { JournalFinding } from './journals.ts';
import { failedArrivals, type Gap, gaps, type Life, moves, overlaps } from './lives.ts';
import type { FaultKind } from './plan.ts';
import type { Done, Skipped } from './storm.ts';
import type { Ending } from './supervisor.ts';

export type Findings = Readonly<{
  seed: number;
  commit: string;
  hosts: number;
  guests: readonly string[];
  beganAtMs: number;
  /** When the faults stopped. */
  calmAtMs: number;
  nowMs: number;
  done: readonly Done[];
  skipped: readonly Skipped[];
  lives: readonly Life[];
  watched: number;
  losses: readonly Loss[];
  endings: readonly Ending[];
  ended: Ended;
  journals: readonly JournalFinding[];
  /** What agents had told of their history and their journals do not know, or what they cannot show any more. */
  forgotten: readonly string[];
}>;

export type Report = Readonly<{
  held: boolean;
  /** Every rule that was broken, one sentence each, with what was in force then. */
  broken: readonly string[];
  /** What waits for an operator at the end, in the agents' words. */
  operator: readonly string[];
  seed: number;
  commit: string;
  hosts: number;
  guests: number;
  minutes: number;
  settledAfterSeconds: number | null;
  faults: Readonly<Partial<Record<FaultKind, Readonly<{ times: number; aimed: number }>>>>;
  /** Planned, and not done: `#7 uplink-cut: why`. */
  skipped: readonly string[];
  migrations: Readonly<{
    moved: number;
    failed: number;
    per10Minutes: number;
    medianDowntimeMs: number | null;
    /** By the journals: settlements that were begun and did not move their guest, refused ones included. */
    settlementsFailed: number;
  }>;
  connections: Readonly<{ watched: number; lost: number }>;
  /** The longest time for which a guest ran nowhere. */
  worst: (Gap & Readonly<{ during: readonly string[] }>) | null;
  /** Times on none beyond `longGapMs`. */
  longGaps: readonly Gap[];
  endings: readonly Ending[];
  journals: readonly Omit<JournalFinding, 'keys'>[];
}>;

export const longGapMs = 10_000;
/** An agent that met a full disk says so and ends, which a busy or frozen host shows late. */
const afterFullDiskMs = 45_000;
/** What happened before a connection broke: TCP keeps trying for 120 s. */
const beforeLossMs = 150_000;

export function makeReport(findings: Findings): Report {
  const { lives, guests, nowMs, done, losses, ended, journals } = findings;
  const minutes = (findings.calmAtMs - findings.beganAtMs) / 60_000;
  const allMoves = guests.flatMap((guest) => moves(lives, guest, nowMs));
  const allGaps = guests
    .flatMap((guest) => gaps(lives, guest, nowMs))
    .sort((one, other) => other.forMs - one.forMs);
  const worst = allGaps[0];
  const broken = whatBroke(findings);
  return {
    held: broken.length === 0,
    broken,
    operator: ended.operator,
    seed: findings.seed,
    commit: findings.commit,
    hosts: findings.hosts,
    guests: guests.length,
    minutes: round(minutes, 1),
    settledAfterSeconds: ended.settledAfterSeconds && round(ended.settledAfterSeconds, 0),
    faults: countFaults(done),
    skipped: findings.skipped.map(({ fault, why }) => `#${fault.id} ${fault.kind}: ${why}`),
    migrations: {
      moved: allMoves.length,
      failed: failedArrivals(lives).length,
      per10Minutes: round((allMoves.length / minutes) * 10, 0),
      medianDowntimeMs: median(allMoves.map(({ downtimeMs }) => downtimeMs)),
      settlementsFailed: settlementsFailed(journals),
    },
    connections: {
      watched: findings.watched,
      lost: losses.reduce((sum, { count }) => sum + count, 0),
    },
    worst: worst
      ? { ...worst, during: inForce(findings, worst.fromMs, worst.fromMs + worst.forMs) }
      : null,
    longGaps: allGaps.filter(({ forMs }) => forMs > longGapMs),
    endings: findings.endings,
    journals: journals.map(({ keys: _, ...rest }) => rest),
  };
}

function whatBroke(findings: Findings): readonly string[] {
  const { lives, guests, nowMs, losses, ended, journals, forgotten, beganAtMs } = findings;
  const at = (ms: number) => `${((ms - beganAtMs) / 60_000).toFixed(2)} min`;
  const during = (fromMs: number, toMs: number) =>
    `in force: ${inForce(findings, fromMs, toMs).join(', ') || 'nothing'}`;
  const doubled = guests
    .flatMap((guest) => overlaps(lives, guest, nowMs))
    .map(
      ({ guest, hosts, fromMs, forMs }) =>
        `${guest} ran on ${hosts.join(' and ')} at once for ${Math.round(forMs)} ms at ${at(fromMs)} (${during(fromMs - 30_000, fromMs + forMs)})`,
    );
  const lost = losses.map(({ guest, peer, count, atMs, lastGoodAtMs }) => {
    const stood = [guest, peer]
      .flatMap((one) => gaps(lives, one, nowMs))
      .filter(({ fromMs, forMs }) => fromMs + forMs > lastGoodAtMs - beforeLossMs && fromMs < atMs)
      .filter(({ forMs }) => forMs > 1_000)
      .map((gap) => `${gap.guest} stood still for ${(gap.forMs / 1000).toFixed(1)} s`);
    return `${guest} lost ${count} connection(s) with ${peer} between ${at(lastGoodAtMs)} and ${at(atMs)} (${[...stood, during(lastGoodAtMs - beforeLossMs, atMs)].join('; ')})`;
  });
  const crashes = findings.endings
    .filter((ending) => !metFullDisk(findings, ending))
    .map(
      ({ host, service, words, atMs }) =>
        `the ${service} of ${host} ended by itself at ${at(atMs)}: ${words}`,
    );
  const damaged = journals
    .filter(({ integrity }) => integrity !== 'ok')
    .map(({ host, integrity }) => `the journal of ${host} is not whole: ${integrity}`);
  return [
    ...doubled,
    ...lost,
    ...ended.open.map((what) => `at the end: ${what}`),
    ...damaged,
    ...forgotten,
    ...crashes,
  ];
}

function metFullDisk({ done }: Findings, { host, atMs }: Ending): boolean {
  return done.some(
    ({ fault, host: hit, beganAtMs, endedAtMs }) =>
      hit === host &&
      fault.kind.includes('disk-full') &&
      beganAtMs <= atMs &&
      atMs <= (endedAtMs ?? atMs) + afterFullDiskMs,
  );
}

/** The faults that were in force at some time between two times. */
function inForce({ done }: Findings, fromMs: number, toMs: number): readonly string[] {
  return done
    .filter(({ beganAtMs, endedAtMs }) => beganAtMs <= toMs && (endedAtMs ?? toMs) >= fromMs)
    .map(({ fault, host }) => `#${fault.id} ${fault.kind} on ${host}`);
}

function countFaults(done: readonly Done[]): Report['faults'] {
  const counts: Partial<Record<FaultKind, { times: number; aimed: number }>> = {};
  for (const { fault, met } of done) {
    counts[fault.kind] ??= { times: 0, aimed: 0 };
    const count = counts[fault.kind] as { times: number; aimed: number };
    count.times += 1;
    if (met) count.aimed += 1;
  }
  return counts;
}

/** Both hosts of a settlement have a receipt: counted once. */
function settlementsFailed(journals: readonly JournalFinding[]): number {
  const settlement = (key: string) => /^\d+ move (.+) false$/.exec(key)?.[1] ?? [];
  return new Set(journals.flatMap(({ keys }) => keys.flatMap(settlement))).size;
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((one, other) => one - other);
  const middle = sorted[Math.floor(sorted.length / 2)];
  return middle === undefined ? null : round(middle, 0);
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** The report as people read it. */
export function reportText(report: Report): string {
  const { migrations, connections, worst } = report;
  const faults = Object.entries(report.faults)
    .sort(([, one], [, other]) => other.times - one.times)
    .map(
      ([kind, { times, aimed }]) =>
        `  ${String(times).padStart(4)} ${kind}, ${aimed} of them aimed at a migration`,
    );
  const stood = worst
    ? `${worst.guest} for ${(worst.forMs / 1000).toFixed(2)} s (${worst.during.join(', ') || 'no fault in force'})`
    : 'none';
  return [
    report.held ? 'Everything held.' : `${report.broken.length} things did not hold:`,
    ...report.broken.map((what) => `  - ${what}`),
    ...(report.operator.length > 0 ? ['Waits for an operator:'] : []),
    ...report.operator.map((what) => `  - ${what}`),
    `seed ${report.seed}, commit ${report.commit}, ${report.hosts} hosts, ${report.guests} guests, ${report.minutes} minutes under faults`,
    'faults:',
    ...faults,
    `planned, but with nothing to hit or no room: ${report.skipped.length}`,
    ...report.skipped.map((what) => `  ${what}`),
    `migrations: ${migrations.moved} moved (${migrations.per10Minutes} in 10 minutes), ${migrations.failed} broke off, ${migrations.settlementsFailed} settlements failed by the journals; median downtime ${migrations.medianDowntimeMs ?? '–'} ms`,
    `connections: ${connections.watched} watched, ${connections.lost} lost`,
    `longest time on no host: ${stood}; ${report.longGaps.length} longer than ${longGapMs / 1000} s`,
    `services that ended by themselves: ${report.endings.length}`,
    `journals: ${report.journals.map(({ host, integrity, records, receipts }) => `${host} ${integrity} (${records} records, ${receipts} receipts)`).join(', ')}`,
    report.settledAfterSeconds === null
      ? 'did not come to rest in time'
      : `came to rest ${report.settledAfterSeconds} s after the last fault`,
  ].join('\n');
}
