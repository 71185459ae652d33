import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bar, bytes, clean, duration, elapsed, percent, rate, shortId } from '../src/format.ts';
import { table } from '../src/table.ts';

describe('numbers as people read them', () => {
  it.each([
    [0, '0s'],
    [59.9, '59s'],
    [61, '1m 1s'],
    [3600, '1h'],
    [11_520, '3h 12m'],
    [90_061, '1d 1h'],
    [-1, '-'],
    [Number.NaN, '-'],
  ])('%d seconds are %s', (seconds, text) => {
    expect(duration(seconds)).toBe(text);
  });

  it('sizes and rates stand in the units of the configuration', () => {
    expect(bytes(1.5 * 2 ** 30)).toBe('1.5 GiB');
    expect(rate(400e6)).toBe('400 Mbit/s');
    expect(rate(0)).toBe('0 bit/s');
    expect(elapsed(0, 1_234)).toBe('1.2s');
    expect(elapsed(0, 61_000)).toBe('1m 1s');
    expect(percent(1, 3)).toBe('33%');
    expect(percent(1, 0)).toBe('-');
  });

  it('ids are cut to what tells them apart, names stay whole', () => {
    expect(shortId('12D3KooWAbCdEfGhJkLmNpQrStUvWxYz123456789AbCdEfGhJkL')).toBe('…dEfGhJkL');
    expect(shortId('6d1b4c5e-0000-4000-8000-000000000001')).toBe('6d1b4c5e');
    expect(shortId('kvm1')).toBe('kvm1');
  });

  it('a bar always has its cells', () => {
    fc.assert(
      fc.property(
        fc.double(),
        fc.double(),
        fc.integer({ min: 1, max: 60 }),
        (part, whole, cells) => {
          expect(bar(part, whole, cells, true)).toHaveLength(cells);
        },
      ),
      { examples: [[Number.NaN, 1, 1]] },
    );
  });

  it('cleaned text fits on one line and controls nothing', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(clean(text)).not.toMatch(/\p{Cc}/u);
      }),
    );
  });
});

describe('tables', () => {
  const columns = [
    { head: 'NAME', cell: (row: { name: string }) => row.name, flexible: true },
    { head: 'N', cell: () => '7', right: true },
    { head: 'WHY', cell: () => 'because '.repeat(20), flexible: true },
  ] as const;

  it('take the width they need where nothing limits them', () => {
    const drawn = table([{ name: 'kvm1' }], columns, null);
    expect(drawn.split('\n')[1]).toContain('because '.repeat(19));
  });

  it('are cut to the terminal, the widest flexible column first', () => {
    const drawn = table([{ name: 'kvm1' }, { name: 'a-longer-name' }], columns, 60);
    for (const line of drawn.split('\n')) expect(line.length).toBeLessThanOrEqual(60);
    expect(drawn).toContain('a-longer-name');
    expect(drawn).toContain('…');
  });
});
