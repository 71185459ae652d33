/**
 * When migrations may start: windows of the week in the host's local time, such as `22:00-05:00`,
 * `mon-fri 20:00-24:00` or `sat,sun 00:00-24:00`. No window at all means always.
 *
 * Pure. A window that ends before it begins runs past midnight; its days are the days on which it begins.
 */

import { failure, type Result, success } from '../result.ts';

export type MigrationWindow = Readonly<{
  /** Days on which the window begins, 0 = Sunday. */
  days: readonly number[];
  /** Minutes of the day; `fromMinute` > `toMinute` runs past midnight. */
  fromMinute: number;
  toMinute: number;
}>;

const dayNames = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;
const everyDay: readonly number[] = [0, 1, 2, 3, 4, 5, 6];
const shape = /^(?:([a-z,-]{3,40})\s{1,4})?(\d{2}):(\d{2})\s?-\s?(\d{2}):(\d{2})$/;

/** One window as written in the configuration. Code `bad-window`. */
export function parseWindow(text: string): Result<MigrationWindow> {
  const bad = (why: string) =>
    failure('bad-window', `${why}: write a window such as 22:00-05:00 or "mon-fri 20:00-24:00"`);
  const match = shape.exec(text.trim().toLowerCase());
  if (!match) return bad(`"${text.slice(0, 60)}" is not a window`);
  const days = match[1] === undefined ? everyDay : parseDays(match[1]);
  if (!days) return bad(`"${match[1]}" names no days`);
  const fromMinute = minuteOfDay(match[2], match[3]);
  const toMinute = minuteOfDay(match[4], match[5]);
  if (fromMinute === undefined || toMinute === undefined) {
    return bad(`"${text}" has a time beyond 24:00`);
  }
  if (fromMinute === toMinute || fromMinute === 1440) return bad(`"${text}" has no length`);
  return success({ days, fromMinute, toMinute });
}

/**
 * Whether a migration may start now.
 * @param windows none = always
 * @param day day of the week in local time, 0 = Sunday
 * @param minute minute of that day, 0–1439
 */
export function windowOpen(
  windows: readonly MigrationWindow[],
  day: number,
  minute: number,
): boolean {
  if (windows.length === 0) return true;
  const yesterday = (day + 6) % 7;
  return windows.some(({ days, fromMinute, toMinute }) =>
    fromMinute < toMinute
      ? days.includes(day) && minute >= fromMinute && minute < toMinute
      : (days.includes(day) && minute >= fromMinute) ||
        (days.includes(yesterday) && minute < toMinute),
  );
}

function parseDays(text: string): readonly number[] | undefined {
  const days = new Set<number>();
  for (const part of text.split(',')) {
    const [first, last, more] = part.split('-').map((name) => dayNames.indexOf(name as 'sun'));
    if (first === undefined || first < 0 || more !== undefined) return undefined;
    if (last !== undefined && last < 0) return undefined;
    // A range may run over the end of the week: fri-mon.
    for (let day = first; ; day = (day + 1) % 7) {
      days.add(day);
      if (day === (last ?? first)) break;
    }
  }
  return [...days].sort((a, b) => a - b);
}

function minuteOfDay(hours: string | undefined, minutes: string | undefined): number | undefined {
  const total = Number(hours) * 60 + Number(minutes);
  return Number(minutes) < 60 && total <= 1440 ? total : undefined;
}
