/** Numbers as people read them, in the units in which the configuration writes them. Pure. */

import prettyBytes from 'pretty-bytes';

export function bytes(value: number): string {
  return prettyBytes(value, { binary: true, space: true });
}

/** Bits per second. */
export function rate(bitsPerSecond: number): string {
  // The library abbreviates bit to b below a kilobit only.
  return bitsPerSecond < 1000
    ? `${Math.round(bitsPerSecond)} bit/s`
    : `${prettyBytes(bitsPerSecond, { bits: true })}/s`;
}

/** Bytes per second, as migrations are measured. */
export function byteRate(bytesPerSecond: number): string {
  return `${prettyBytes(bytesPerSecond, { binary: true })}/s`;
}

export function cores(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}

const spans = [
  ['days', 86_400],
  ['hours', 3_600],
  ['minutes', 60],
  ['seconds', 1],
] as const;
const narrow = new Intl.DurationFormat('en', { style: 'narrow' });

/** The two largest units: `3h 12m`, `45s`. */
export function duration(seconds: number): string {
  if (!Number.isFinite(seconds) || seconds < 0) return '-';
  let rest = Math.floor(seconds);
  const parts: Partial<Record<(typeof spans)[number][0], number>> = {};
  let count = 0;
  for (const [unit, size] of spans) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0) parts[unit] = amount;
    if (count > 0 || amount > 0) count += 1;
    if (count === 2) break;
  }
  return count === 0 ? '0s' : narrow.format(parts);
}

/** How long something took: with tenths while they matter. */
export function elapsed(fromMs: number, toMs: number): string {
  const seconds = Math.max(0, toMs - fromMs) / 1000;
  return seconds < 10 ? `${seconds.toFixed(1)}s` : duration(seconds);
}

export function age(atMs: number, nowMs: number): string {
  return duration(Math.max(0, nowMs - atMs) / 1000);
}

/** Shares of a whole; `-` of nothing. */
export function percent(part: number, whole: number): string {
  return whole > 0 ? `${Math.round((part / whole) * 100)}%` : '-';
}

/** A peer id or UUID, cut to what tells it from its neighbours; anything shorter stays whole. */
export function shortId(id: string): string {
  if (/^12D3KooW\w{44}$/.test(id)) return `…${id.slice(-8)}`;
  if (/^[0-9a-f]{8}-[0-9a-f]{4}-/.test(id)) return id.slice(0, 8);
  return id;
}

/** A bar of so many cells. Above the whole it is full. */
export function bar(part: number, whole: number, cells: number, unicode: boolean): string {
  const share = part / whole;
  // Nothing of nothing, or all of everything, is no share at all.
  const full = whole > 0 && share > 0 ? Math.round(Math.min(1, share) * cells) : 0;
  const [on, off] = unicode ? ['█', '░'] : ['#', '.'];
  return on.repeat(full) + off.repeat(cells - full);
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** What others named must not reach the terminal as a control sequence, nor break a line. */
export function clean(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ');
}
