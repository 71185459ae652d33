/** Random small worlds for property tests. */

import fc from 'fast-check';
import type { CostParameters, ExcessCurve } from '../../src/model/cost.ts';
import { domain, GIB, host, rate, type TestWorld } from './world.ts';

const curve: fc.Arbitrary<ExcessCurve> = fc
  .tuple(
    fc.constantFrom(0, 1e6, 3e7, 1e9),
    fc.array(
      fc.record({ above: fc.integer({ min: 0, max: 10 }), slope: fc.integer({ min: 1, max: 4 }) }),
      {
        maxLength: 3,
      },
    ),
  )
  .map(([weightBitsPerSecond, hinges]) => ({
    weightBitsPerSecond,
    hinges: hinges.map((h) => ({ ...h, above: h.above / 10 })).sort((a, b) => a.above - b.above),
  }));

export const parameters: fc.Arbitrary<CostParameters> = fc
  .record({
    distance: fc.constantFrom([0, 1, 3, 5], [0, 1], [0.5, 2, 2.5], [0, 1, 3, 5, 9]),
    affinityWeight: fc.constantFrom(0, 1, 1, 1, 2.5),
    nic: curve,
    cpu: curve,
    memory: curve,
    paybackMs: fc.constantFrom(60_000, 3_600_000),
    reference: fc.constantFrom(undefined, undefined, 4e6),
    hostOn: fc.constantFrom(undefined, undefined, { onBitsPerSecond: 1e8, fillBitsPerSecond: 3e7 }),
  })
  .map(({ reference, hostOn, ...rest }) => ({
    ...rest,
    ...(reference === undefined ? {} : { nicReferenceBitsPerSecond: reference }),
    ...(hostOn === undefined ? {} : { hostOn }),
  }));

export const HOSTS = ['a', 'b', 'c', 'd'] as const;

type Sizes = Readonly<{
  domainsMax: number;
  rules?: boolean;
  memoryGibibytes?: number;
  vcpuLimit?: number;
}>;

/** Two to four hosts with 0–3 location levels, some claims away from home, rates with repeated pairs. */
export function worlds({
  domainsMax,
  rules = false,
  memoryGibibytes = 64,
  vcpuLimit = 64,
}: Sizes): fc.Arbitrary<TestWorld> {
  const level = fc.constantFrom('x', 'y');
  const place = fc.array(level, { maxLength: 3 });
  const vm = fc.record({
    holder: fc.nat({ max: 3 }),
    home: fc.option(fc.nat({ max: 3 }), { freq: 2 }),
    memoryBytes: fc.integer({ min: 1, max: 8 }).map((n) => n * GIB),
    vcpus: fc.integer({ min: 1, max: 4 }),
    cpu: fc.integer({ min: 0, max: 40 }).map((n) => n / 10),
    migrationBytes: fc.integer({ min: 0, max: 4 }).map((n) => n * GIB),
    policy: rules
      ? fc.record(
          {
            frozen: fc.constant(true as const),
            pin: fc.constantFrom(['a'], ['b', 'c']),
            keepApart: fc.constantFrom('g', 'h'),
            keepTogether: fc.constantFrom('t', 'u'),
          },
          { requiredKeys: [] },
        )
      : fc.constant({}),
  });
  return fc
    .record({
      places: fc.array(place, { minLength: 2, maxLength: 4 }),
      vms: fc.array(vm, { minLength: 1, maxLength: domainsMax }),
      talks: fc.array(
        fc.tuple(fc.nat({ max: 30 }), fc.nat({ max: 30 }), fc.integer({ min: 1, max: 90 })),
        {
          maxLength: 3 * domainsMax,
        },
      ),
    })
    .map(({ places, vms, talks }) => {
      const names = HOSTS.slice(0, places.length);
      const name = (i: number): string => names[i % names.length] ?? 'a';
      return {
        hosts: places.map((p, i) => ({
          ...host(name(i), p, {
            memoryLimitBytes: memoryGibibytes * GIB,
            vcpuLimit,
            nicBitsPerSecond: 1e8,
          }),
          cpu: 0.3 * i,
          memoryBytes: GIB,
        })),
        domains: vms.map(({ holder, home, ...rest }, i) =>
          domain(`vm${i}`, name(holder), { home: name(home ?? holder), ...rest }),
        ),
        rates: talks.flatMap(([a, b, mbit]) => {
          const from = a % vms.length;
          const to = b % (vms.length + 1);
          if (from === to) return [];
          return [rate(`vm${from}`, to === vms.length ? 'external' : `vm${to}`, mbit * 1e6)];
        }),
      };
    });
}
