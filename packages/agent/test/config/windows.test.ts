import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MigrationWindow, parseWindow, windowOpen } from '../../src/config/windows.ts';

function window(text: string): MigrationWindow {
  const parsed = parseWindow(text);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

const [sunday, monday, friday, saturday] = [0, 1, 5, 6];
const at = (hours: number, minutes = 0) => hours * 60 + minutes;

describe('migration windows', () => {
  it('none means always', () => {
    expect(windowOpen([], monday, at(12))).toBe(true);
  });

  it('a nightly window runs past midnight', () => {
    const nights = [window('22:00-05:00')];
    expect(windowOpen(nights, monday, at(21, 59))).toBe(false);
    expect(windowOpen(nights, monday, at(22))).toBe(true);
    expect(windowOpen(nights, monday, at(4, 59))).toBe(true);
    expect(windowOpen(nights, monday, at(5))).toBe(false);
  });

  it("a window's days are those on which it begins", () => {
    const weekend = [window('fri 22:00-05:00')];
    expect(windowOpen(weekend, friday, at(23))).toBe(true);
    expect(windowOpen(weekend, saturday, at(4))).toBe(true);
    expect(windowOpen(weekend, friday, at(4))).toBe(false);
    expect(windowOpen(weekend, saturday, at(23))).toBe(false);
  });

  it('ranges of days may run over the end of the week', () => {
    expect(window('fri-mon 00:00-24:00').days).toEqual([sunday, monday, friday, saturday]);
    expect(window('Sat,Sun 08:00-09:00').days).toEqual([sunday, saturday]);
  });

  it.each([
    '',
    '22-05',
    '22:00-25:00',
    '22:60-23:00',
    '22:00-22:00',
    '24:00-01:00',
    'foo 22:00-23:00',
    'mon-tue-wed 01:00-02:00',
  ])('%j is refused with an example', (text) => {
    const parsed = parseWindow(text);
    expect(parsed).toMatchObject({ ok: false, code: 'bad-window' });
    expect(JSON.stringify(parsed)).toContain('22:00-05:00');
  });

  it('a window and its complement cover each minute exactly once', () => {
    const minute = fc.integer({ min: 0, max: 1439 });
    fc.assert(
      fc.property(minute, minute, fc.integer({ min: 0, max: 6 }), minute, (from, to, day, now) => {
        fc.pre(from !== to);
        const days = [0, 1, 2, 3, 4, 5, 6];
        const inside = windowOpen([{ days, fromMinute: from, toMinute: to }], day, now);
        const outside = windowOpen([{ days, fromMinute: to, toMinute: from }], day, now);
        expect(inside).toBe(!outside);
      }),
    );
  });
});
