/** How long a domain rests after its migration has failed. */

import { expect, test } from 'vitest';
import { pauseAfterFailureMs } from '../src/settlement/patience.ts';

const timing = { backoffMs: 10_000, backoffMaxMs: 300_000 };

test('soon again at first, then a few times a day', () => {
  const pausesSeconds = Array.from(
    { length: 14 },
    (_, failures) => pauseAfterFailureMs(failures, timing) / 1000,
  );
  expect(pausesSeconds).toEqual([
    10, 20, 40, 80, 160, 300, 600, 1_200, 2_400, 4_800, 9_600, 19_200, 21_600, 21_600,
  ]);
});

test('never shorter than after fewer failures, however many there are', () => {
  let before = 0;
  for (let failures = 0; failures < 5_000; failures++) {
    const pauseMs = pauseAfterFailureMs(failures, timing);
    expect(pauseMs).toBeGreaterThanOrEqual(before);
    before = pauseMs;
  }
});
