/**
 * Sizes, rates and shares as people write them: `2GiB`, `400Mbit`, `10%`.
 *
 * Pure. Sizes become bytes, rates bits per second, shares fractions of one. Formatting is exact: what
 * `formatSize` and `formatRate` write, `parseSize` and `parseRate` read back as the same number. A bare
 * number is refused (0 excepted): `400` could be bits or megabits, and a wrong guess moves machines.
 */

import { failure, type Result, success } from '../result.ts';

const binaryUnits = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 } as const;
const decimalUnits = { kB: 1e3, KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 } as const;
const sizeUnits: Readonly<Record<string, number>> = { ...binaryUnits, ...decimalUnits };
const rateUnits: Readonly<Record<string, number>> = {
  bit: 1,
  kbit: 1e3,
  Mbit: 1e6,
  Gbit: 1e9,
  Tbit: 1e12,
};

/** Digits, optionally a fraction, then letters: bounded so that no text makes the match slow. */
const quantity = /^(\d{1,16}(?:\.\d{1,9})?)\s{0,4}([A-Za-z]{0,8})(\/s)?$/;

/** `2GiB`, `512MiB`, `1.5TB` → bytes. Code `bad-size`. */
export function parseSize(text: string): Result<number> {
  const bad = (why: string) => failure('bad-size', `${why}: write a size such as 512MiB or 2GiB`);
  const match = quantity.exec(text.trim());
  if (!match || match[3] !== undefined) return bad(`${quote(text)} is not a size`);
  const unit = match[2] ?? '';
  if (unit === '') return Number(match[1]) === 0 ? success(0) : bad(`${quote(text)} has no unit`);
  const factor = sizeUnits[unit];
  if (factor === undefined) return bad(`${quote(unit)} is not a unit of size`);
  return whole(Number(match[1]) * factor, () => bad(`${quote(text)} is too large`));
}

/** `400Mbit`, `10Gbit/s` → bits per second. Code `bad-rate`. */
export function parseRate(text: string): Result<number> {
  const bad = (why: string) =>
    failure('bad-rate', `${why}: write a rate such as 400Mbit or 10Gbit`);
  const match = quantity.exec(text.trim());
  if (!match) return bad(`${quote(text)} is not a rate`);
  const unit = match[2] ?? '';
  if (unit === '') return Number(match[1]) === 0 ? success(0) : bad(`${quote(text)} has no unit`);
  const factor = rateUnits[unit];
  if (factor === undefined) return bad(`${quote(unit)} is not a unit of rate (bits per second)`);
  return whole(Number(match[1]) * factor, () => bad(`${quote(text)} is too large`));
}

/** `10%` or `0.1` → 0.1. Code `bad-share` for anything outside 0–100 %. */
export function parseShare(text: string): Result<number> {
  const bad = (why: string) => failure('bad-share', `${why}: write a share such as 10% or 0.1`);
  const match = /^(\d{1,3}(?:\.\d{1,9})?)\s{0,4}(%?)$/.exec(text.trim());
  if (!match) return bad(`${quote(text)} is not a share`);
  const share = match[2] === '%' ? Number(match[1]) / 100 : Number(match[1]);
  if (share > 1) return bad(`${quote(text)} is more than the whole`);
  return success(share);
}

/** Bytes → the shortest exact text in binary units: `2GiB`, `1536MiB`. */
export function formatSize(bytes: number): string {
  return exact(bytes, binaryUnits);
}

/** Bits per second → the shortest exact text: `400Mbit`. */
export function formatRate(bitsPerSecond: number): string {
  return exact(bitsPerSecond, rateUnits);
}

function exact(value: number, units: Readonly<Record<string, number>>): string {
  const fitting = Object.entries(units).filter(([, factor]) => value % factor === 0);
  const [unit, factor] = fitting.at(-1) ?? ['', 1];
  return value === 0 ? '0' : `${value / factor}${unit}`;
}

/** Bytes and bits come whole; beyond 2^53 a number no longer counts them. */
function whole(value: number, tooLarge: () => Result<number>): Result<number> {
  const rounded = Math.round(value);
  return Number.isSafeInteger(rounded) ? success(rounded) : tooLarge();
}

function quote(text: string): string {
  return `"${text.length > 40 ? `${text.slice(0, 40)}…` : text}"`;
}
