/**
 * One host's part of a snapshot: its capacity, the domains at home here and whom they talk to. Members
 * ask each other for it, page by page, because gossip carries no lists of domains.
 */

import type { HostState } from '@barter/core';
import { z } from 'zod';
import type { Json } from '../network/peer-network.ts';
import { limits } from '../network/wire/limits.ts';
import { failure, type Result, success } from '../result.ts';

const name = z.string().min(1).max(256);
const amount = z.number().nonnegative();
const size = z.number().int().nonnegative();

/** What a peer says of itself is bounded like everything else that comes from outside. */
const pageSchema = z.object({
  host: z.object({
    id: name,
    name,
    location: z.array(name).max(limits.locationLevels),
    memoryBytes: size,
    memoryLimitBytes: size,
    vcpus: size,
    vcpuLimit: amount,
    nicBitsPerSecond: amount,
  }),
  domains: z
    .array(
      z.object({
        id: name,
        name,
        memoryBytes: size,
        vcpus: size,
        cpu: amount,
        dirtyBytesPerSecond: amount,
        policy: z.object({
          frozen: z.literal(true).exactOptional(),
          pin: z.array(name).max(limits.pins).exactOptional(),
          keepApart: name.exactOptional(),
          keepTogether: name.exactOptional(),
        }),
        /** Partner (or `external`) and bits per second, both directions added. */
        row: z.array(z.tuple([name, amount])).max(limits.rates),
      }),
    )
    .max(limits.notices),
  /** Where the next page begins; null on the last one. */
  next: size.nullable(),
});

export type SnapshotPage = z.output<typeof pageSchema>;
export type SnapshotPart = Omit<SnapshotPage, 'next'>;

/** A page stays well below what one answer may hold; one domain more cannot break it. */
const pageBytes = limits.jsonBytes / 2;
/** Rates that are named; the rest of a row counts as external. Bounds the size of one domain. */
const partnersMax = 1_000;

/** The part of this host from its domain number `from` on; undefined before the first measurement. */
export function snapshotPage(state: HostState, from: number): SnapshotPage | undefined {
  const { config, sample } = state;
  if (sample === null) return undefined;
  const { capacity } = sample;
  const homes = [...state.samples.values()];
  const domains: SnapshotPage['domains'] = [];
  let next: number | null = null;
  for (let index = from, bytes = 0; index < homes.length; index += 1) {
    const hosted = homes[index];
    if (hosted === undefined) break;
    const { traits } = hosted;
    const domain = {
      id: hosted.domain,
      name: traits.name,
      memoryBytes: traits.memoryBytes,
      vcpus: traits.vcpus,
      cpu: traits.cpu,
      dirtyBytesPerSecond: traits.dirtyBytesPerSecond,
      policy: policyOf(hosted),
      row: rowOf(state, hosted.domain),
    };
    domains.push(domain);
    bytes += JSON.stringify(domain).length;
    if (bytes > pageBytes && index + 1 < homes.length) {
      next = index + 1;
      break;
    }
  }
  return {
    host: {
      id: config.self,
      name: config.name,
      location: [...config.location],
      memoryBytes: capacity.memoryTransientBytes,
      memoryLimitBytes: capacity.memoryLimitBytes,
      vcpus: capacity.vcpus,
      vcpuLimit: capacity.vcpuLimit,
      nicBitsPerSecond: capacity.nicBitsPerSecond,
    },
    domains,
    next,
  };
}

/** A domain that cannot migrate now is frozen to whoever asks what could move. */
function policyOf({ traits, blocked, state }: ReturnType<HostState['samples']['get']> & object) {
  const { frozen, pin, keepApart, keepTogether } = traits.policy;
  const held = frozen === true || blocked !== undefined || state !== 'running';
  return {
    ...(held ? { frozen: true as const } : {}),
    ...(pin === undefined ? {} : { pin: [...pin] }),
    ...(keepApart === undefined ? {} : { keepApart }),
    ...(keepTogether === undefined ? {} : { keepTogether }),
  };
}

function rowOf(state: HostState, domain: Parameters<HostState['rows']['get']>[0]) {
  const row = (state.rows.get(domain) ?? []).toSorted(
    (one, other) => other.bitsPerSecond - one.bitsPerSecond,
  );
  const named = row
    .slice(0, partnersMax)
    .map(({ partner, bitsPerSecond }): [string, number] => [partner, Math.round(bitsPerSecond)]);
  const rest = row.slice(partnersMax).reduce((sum, rate) => sum + rate.bitsPerSecond, 0);
  return rest > 0 ? [...named, ['external', Math.round(rest)] satisfies [string, number]] : named;
}

/** Checks a page that a peer answered. */
export function readPage(body: Json): Result<SnapshotPage> {
  const page = pageSchema.safeParse(body);
  return page.success
    ? success(page.data)
    : failure('bad-answer', 'it answered something that is not a part of a snapshot');
}
