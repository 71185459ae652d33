/**
 * The lives of the guests' QEMUs, and what follows from them: who ran where and when, never two at once, and for
 * how long none. Pure; times in ms of the machine's clock, which all hosts of a lab share.
 */

/** One QEMU process of a guest, from its first sight to its end. */
export type Life = {
  readonly guest: string;
  readonly host: string;
  readonly pid: number;
  readonly seenAtMs: number;
  /** Its CPU's spans; the last one is open while it runs. */
  readonly spans: { fromMs: number; toMs: number | null }[];
  endedAtMs: number | null;
};

export type Overlap = Readonly<{
  guest: string;
  hosts: readonly string[];
  fromMs: number;
  forMs: number;
}>;
export type Gap = Readonly<{ guest: string; fromMs: number; forMs: number; ongoing: boolean }>;
export type Move = Readonly<{
  guest: string;
  from: string;
  to: string;
  atMs: number;
  downtimeMs: number;
}>;

/**
 * A QEMU that dies is seen dead a moment later (its monitor breaks off at once, and its process is looked for every
 * 200 ms): so much overlap with its successor proves nothing unless both told of it themselves.
 */
const deathSeenWithinMs = 400;

/** Notes that a QEMU runs its guest, or does not, since `atMs`. */
export function note(life: Life, running: boolean, atMs: number): void {
  const last = life.spans.at(-1);
  const runs = last !== undefined && last.toMs === null;
  if (running === runs) return;
  if (running) life.spans.push({ fromMs: atMs, toMs: null });
  else if (last) last.toMs = Math.max(atMs, last.fromMs);
}

/** Notes that a QEMU's process is gone. */
export function noteEnd(life: Life, atMs: number): void {
  if (life.endedAtMs !== null) return;
  const last = life.spans.at(-1);
  // It was never heard to stop: it ended running, at the latest now.
  if (last && last.toMs === null) last.toMs = atMs;
  life.endedAtMs = atMs;
}

export function runsNow(life: Life): boolean {
  return life.spans.at(-1)?.toMs === null;
}

type Span = Readonly<{ life: Life; fromMs: number; toMs: number; open: boolean; untold: boolean }>;

function spansOf(lives: readonly Life[], guest: string, nowMs: number): readonly Span[] {
  return lives
    .filter((life) => life.guest === guest)
    .flatMap((life) =>
      life.spans.map(({ fromMs, toMs }) => ({
        life,
        fromMs,
        toMs: toMs ?? nowMs,
        open: toMs === null,
        // Ended with its process: nobody told when exactly.
        untold: toMs !== null && toMs === life.endedAtMs,
      })),
    )
    .sort((one, other) => one.fromMs - other.fromMs);
}

/** Times at which two QEMUs of one guest ran at once. There may be none. */
export function overlaps(lives: readonly Life[], guest: string, nowMs: number): readonly Overlap[] {
  const spans = spansOf(lives, guest, nowMs);
  return spans.flatMap((span, index) =>
    spans.slice(index + 1).flatMap((later): readonly Overlap[] => {
      const forMs = Math.min(span.toMs, later.toMs) - later.fromMs;
      const tolerance = span.untold || later.untold ? deathSeenWithinMs : 0;
      if (later.life === span.life || forMs <= tolerance) return [];
      return [{ guest, hosts: [span.life.host, later.life.host], fromMs: later.fromMs, forMs }];
    }),
  );
}

/** Times at which a guest ran nowhere, between its first run and now. */
export function gaps(lives: readonly Life[], guest: string, nowMs: number): readonly Gap[] {
  const found: Gap[] = [];
  let coveredToMs: number | undefined;
  for (const { fromMs, toMs } of spansOf(lives, guest, nowMs)) {
    if (coveredToMs !== undefined && fromMs > coveredToMs)
      found.push({ guest, fromMs: coveredToMs, forMs: fromMs - coveredToMs, ongoing: false });
    coveredToMs = Math.max(coveredToMs ?? 0, toMs);
  }
  if (coveredToMs !== undefined && coveredToMs < nowMs)
    found.push({ guest, fromMs: coveredToMs, forMs: nowMs - coveredToMs, ongoing: true });
  return found;
}

/** Every time a guest ran on in another QEMU than before. */
export function moves(lives: readonly Life[], guest: string, nowMs: number): readonly Move[] {
  const spans = spansOf(lives, guest, nowMs);
  return spans.slice(1).flatMap((span, index): readonly Move[] => {
    const before = spans[index] as Span;
    if (before.life === span.life) return [];
    const downtimeMs = Math.max(0, span.fromMs - before.toMs);
    return [{ guest, from: before.life.host, to: span.life.host, atMs: span.fromMs, downtimeMs }];
  });
}

/** A guest whose migration is not over: it has two QEMUs, or runs nowhere. */
export type Unsettled = Readonly<{
  guest: string;
  /** Where its QEMUs are, or were when it stopped: the agents and libvirtds there decide where it runs on. */
  hosts: readonly string[];
  /** Since when it runs nowhere; null while it runs. */
  stillSinceMs: number | null;
}>;

/** What is open about a guest now; null when it runs once, or has never run. */
export function unsettled(lives: readonly Life[], guest: string): Unsettled | null {
  const own = lives.filter((life) => life.guest === guest);
  const living = own.filter(({ endedAtMs }) => endedAtMs === null);
  const hostsOf = (some: readonly Life[]) => [...new Set(some.map(({ host }) => host))];
  if (living.some(runsNow))
    return living.length > 1 ? { guest, hosts: hostsOf(living), stillSinceMs: null } : null;
  const stops = own.flatMap(({ spans }) => spans.at(-1)?.toMs ?? []);
  if (stops.length === 0) return null;
  const stillSinceMs = Math.max(...stops);
  // A target that gave up meanwhile has no QEMU any more, and its word is still needed.
  const concerned = own.filter(({ endedAtMs }) => endedAtMs === null || endedAtMs >= stillSinceMs);
  return { guest, hosts: hostsOf(concerned), stillSinceMs };
}

/** Arrivals that ended without ever having run: migrations that failed. */
export function failedArrivals(lives: readonly Life[]): readonly Life[] {
  return lives.filter(({ spans, endedAtMs }) => spans.length === 0 && endedAtMs !== null);
}
