import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatRate,
  formatSize,
  parseRate,
  parseShare,
  parseSize,
} from '../../src/config/units.ts';

describe('sizes, rates and shares', () => {
  it.each([
    ['2GiB', 2 * 2 ** 30],
    ['512 MiB', 512 * 2 ** 20],
    ['1.5TB', 1.5e12],
    ['10kB', 10_000],
    ['7B', 7],
    ['0', 0],
  ])('%s is %d bytes', (text, bytes) => {
    expect(parseSize(text)).toEqual({ ok: true, value: bytes });
  });

  it.each([
    ['400Mbit', 4e8],
    ['10Gbit/s', 1e10],
    ['2.5 Gbit', 2.5e9],
    ['64kbit', 64_000],
    ['0', 0],
  ])('%s is %d bits per second', (text, bitsPerSecond) => {
    expect(parseRate(text)).toEqual({ ok: true, value: bitsPerSecond });
  });

  it.each([
    ['10%', 0.1],
    ['0.8', 0.8],
    ['100%', 1],
    ['0', 0],
  ])('%s is the share %d', (text, share) => {
    expect(parseShare(text)).toEqual({ ok: true, value: share });
  });

  it.each(['2', '2G', '2gib', '2Mb', '-1GiB', '1e3B', 'GiB', '', '9999999TiB', '2GiB/s'])(
    'the size %j is refused with an example',
    (text) => {
      expect(parseSize(text)).toMatchObject({ ok: false, code: 'bad-size' });
      expect(JSON.stringify(parseSize(text))).toContain('2GiB');
    },
  );

  it.each(['400', '400M', '50MB/s', '400mbit', '-1Mbit', ''])('the rate %j is refused', (text) => {
    expect(parseRate(text)).toMatchObject({ ok: false, code: 'bad-rate' });
  });

  it.each(['110%', '2', '-1%', '1e-3', 'half'])('the share %j is refused', (text) => {
    expect(parseShare(text)).toMatchObject({ ok: false, code: 'bad-share' });
  });

  it('whatever is formatted is read back as the same number', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(parseSize(formatSize(value))).toEqual({ ok: true, value });
        expect(parseRate(formatRate(value))).toEqual({ ok: true, value });
      }),
    );
  });

  it('a larger number of the same unit is a larger size', () => {
    const unit = fc.constantFrom('B', 'KiB', 'MiB', 'GiB', 'kB', 'MB', 'GB');
    fc.assert(
      fc.property(fc.nat(1e6), fc.nat(1e6), unit, (a, b, name) => {
        const [small, large] = [Math.min(a, b), Math.max(a, b)].map((n) =>
          parseSize(`${n}${name}`),
        );
        expect(small?.ok && large?.ok && small.value <= large.value).toBe(true);
      }),
    );
  });

  it('no text makes a parser throw', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        for (const parse of [parseSize, parseRate, parseShare]) {
          const parsed = parse(text);
          if (parsed.ok) expect(parsed.value).toBeGreaterThanOrEqual(0);
        }
      }),
    );
  });
});
