import { expect, test } from 'vitest';
import { tell } from '../story.ts';
import { movedTwice } from './moved-twice.ts';
import { rewiredCluster } from './rewired.ts';

/** A twentieth of the tenants is rewired after an hour: whom that does not concern stays where it is. */

const atSeconds = 3600;

test.each([
  [12, 75, 3],
  [12, 90, 4],
])(
  '%i hosts, %i %% full: quiet again, with at most two moves for each VM concerned',
  (hosts, fill, seed) => {
    const { cluster, affected } = rewiredCluster(hosts, fill, atSeconds, seed);
    const result = tell(cluster, { seed });
    expect(result.quiet).toBe(true);
    const costAt = (seconds: number) =>
      result.series.findLast((point) => point.atSeconds <= seconds)?.cost ?? 0;
    const later = result.migrations.filter((migration) => migration.atSeconds > atSeconds);
    expect(later.length).toBeGreaterThan(0);
    expect(later.length).toBeLessThanOrEqual(2 * affected.size);
    // What had been saved before is left as it was, and of what the rewiring costs nearly all is saved.
    const [before, rewired] = [costAt(atSeconds - 1), costAt(atSeconds + 60)];
    expect(before).toBeLessThan(0.05 * result.initialCost);
    expect(rewired).toBeGreaterThan(before);
    expect(result.finalCost - before).toBeLessThan(0.1 * (rewired - before));
    const earlier = result.migrations.slice(0, result.migrations.length - later.length);
    expect(movedTwice({ migrations: earlier }), 'before anything changes').toEqual([]);
  },
  60_000,
);
