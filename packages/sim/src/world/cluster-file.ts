/**
 * The cluster file: hosts, domains, traffic and its timeline as one JSON document. `barter snapshot`
 * writes it, `barter simulate` and the demo read it.
 *
 * Nothing is guessed: unknown keys, unknown ids, negative numbers and overcommitted hosts are errors,
 * all reported at once, each with its path. A pair listed twice in one list adds up.
 */

import { z } from 'zod';
import { checkCluster } from './cluster-check.ts';
import type { Cluster, ClusterProblem, ClusterTraffic } from './cluster-model.ts';
import { salvageCluster } from './salvage.ts';

/** A file larger than this is refused unread: about 100,000 domains with their traffic. */
export const clusterFileBytesMax = 128 * 1024 * 1024;

export type ClusterResult =
  | Readonly<{ ok: true; value: Cluster }>
  | Readonly<{
      ok: false;
      code: 'invalid-cluster-file';
      message: string;
      problems: readonly ClusterProblem[];
    }>;

/** At most this many problems are reported: the rest are like them. */
const problemsMax = 1_000;

const name = z.string().min(1).max(256);
const amount = z.number().nonnegative();
const size = z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER);

const policySchema = z.strictObject({
  frozen: z.literal(true).optional(),
  pin: z.array(name).max(1024).optional(),
  keepApart: name.optional(),
  keepTogether: name.optional(),
});

const trafficSchema = z.strictObject({ a: name, b: name, bitsPerSecond: amount });

const clusterSchema = z.strictObject({
  version: z.literal(1),
  distance: z.array(amount).min(2).max(16),
  hosts: z
    .array(
      z.strictObject({
        id: name,
        memoryBytes: size,
        vcpus: size,
        nicBitsPerSecond: amount,
        location: z.array(name).max(14).default([]),
        memoryLimitBytes: size.optional(),
        vcpuLimit: amount.optional(),
      }),
    )
    .max(65_536),
  domains: z
    .array(
      z.strictObject({
        id: name,
        host: name,
        memoryBytes: size,
        vcpus: size,
        cpu: amount.default(0),
        dirtyBytesPerSecond: amount.default(0),
        policy: policySchema.default({}),
      }),
    )
    .max(1_048_576),
  traffic: z.array(trafficSchema).max(16_777_216),
  timeline: z
    .array(
      z.strictObject({
        atSeconds: amount,
        traffic: z.array(trafficSchema).default([]),
        domains: z.array(z.strictObject({ id: name, cpu: amount })).default([]),
      }),
    )
    .max(65_536)
    .default([]),
});

/**
 * Reads a cluster file. The value has every default filled in, pairs added up and the timeline in
 * order of time; a failure lists every problem with its path.
 */
export function parseClusterFile(text: string): ClusterResult {
  if (text.length > clusterFileBytesMax) {
    return invalid([{ path: '', message: `the file is larger than ${clusterFileBytesMax} bytes` }]);
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return invalid([{ path: '', message: `the file is not JSON: ${(error as Error).message}` }]);
  }
  return parseCluster(document);
}

/** The same as `parseClusterFile`, from a value that is already JSON data. */
export function parseCluster(document: unknown): ClusterResult {
  const parsed = clusterSchema.safeParse(document);
  if (!parsed.success) {
    const problems = parsed.error.issues.flatMap(problemsOf);
    const known = new Set(problems.map(({ path }) => path));
    const others = checkCluster(salvageCluster(document)).filter(({ path }) => !known.has(path));
    return invalid([...problems, ...others]);
  }
  const file = parsed.data;
  const cluster = {
    ...file,
    traffic: addUp(file.traffic),
    timeline: file.timeline
      .map((entry) => ({ ...entry, traffic: addUp(entry.traffic) }))
      .sort((left, right) => left.atSeconds - right.atSeconds),
  } as unknown as Cluster;
  // Checked on the file as written, so that the paths are the operator's.
  const problems = checkCluster(file as unknown as Cluster);
  return problems.length > 0 ? invalid(problems) : { ok: true, value: cluster };
}

/** Writes a cluster as a cluster file that `parseClusterFile` reads back to the same cluster. */
export function formatClusterFile(cluster: Cluster): string {
  const line = (value: unknown) => `    ${JSON.stringify(value)}`;
  const list = (values: readonly unknown[]) =>
    values.length === 0 ? '[]' : `[\n${values.map(line).join(',\n')}\n  ]`;
  return [
    '{',
    `  "version": ${cluster.version},`,
    `  "distance": ${JSON.stringify(cluster.distance)},`,
    `  "hosts": ${list(cluster.hosts)},`,
    `  "domains": ${list(cluster.domains)},`,
    `  "traffic": ${list(cluster.traffic)},`,
    `  "timeline": ${list(cluster.timeline)}`,
    '}',
    '',
  ].join('\n');
}

function addUp(traffic: readonly ClusterTraffic[]): readonly ClusterTraffic[] {
  const pairs = new Map<string, ClusterTraffic>();
  for (const entry of traffic) {
    const [a, b] = entry.a <= entry.b ? [entry.a, entry.b] : [entry.b, entry.a];
    // JSON quoting keeps two pairs apart whatever their names contain.
    const key = JSON.stringify([a, b]);
    const known = pairs.get(key);
    pairs.set(
      key,
      known === undefined
        ? entry
        : { ...known, bitsPerSecond: known.bitsPerSecond + entry.bitsPerSecond },
    );
  }
  return [...pairs.values()];
}

/** An unknown key is a problem of its own, at its own path. */
function problemsOf(issue: z.core.$ZodIssue): readonly ClusterProblem[] {
  if (issue.code !== 'unrecognized_keys') {
    return [{ path: pathOf(issue.path), message: issue.message }];
  }
  return issue.keys.map((key) => ({
    path: pathOf([...issue.path, key]),
    message: `there is no key "${key}" here`,
  }));
}

function pathOf(path: readonly PropertyKey[]): string {
  return path
    .map((part, index) =>
      typeof part === 'number' ? `[${part}]` : index === 0 ? String(part) : `.${String(part)}`,
    )
    .join('');
}

function invalid(problems: readonly ClusterProblem[]): ClusterResult {
  const first = problems[0];
  const where = first?.path ? `${first.path}: ` : '';
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  return {
    ok: false,
    code: 'invalid-cluster-file',
    message: `The cluster file cannot be used: ${where}${first?.message ?? 'unknown problem'}${more}.`,
    problems: problems.slice(0, problemsMax),
  };
}
