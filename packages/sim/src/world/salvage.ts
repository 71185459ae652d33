/**
 * What can be made of a cluster file whose shape is wrong, so that its references and sums are checked
 * all the same and the operator hears of every problem at once. Entries keep their places: a path means
 * the same as in the file. What is not there or not usable is left out or counts as nothing.
 */

import type { Cluster } from './cluster-model.ts';

type Fields = Readonly<Record<string, unknown>>;

export function salvageCluster(document: unknown): Cluster {
  const file = fields(document);
  return {
    version: 1,
    // Distances of the wrong shape are reported by the schema: these pass every check.
    distance: numbers(file.distance) ?? new Array(20).fill(0),
    hosts: list(file.hosts).map((host) => ({
      id: text(host.id),
      memoryBytes: amount(host.memoryBytes, Infinity),
      vcpus: amount(host.vcpus, Infinity),
      nicBitsPerSecond: amount(host.nicBitsPerSecond, 0),
      location: Array.isArray(host.location) ? host.location : [],
    })),
    domains: list(file.domains).map((domain) => ({
      id: text(domain.id),
      host: text(domain.host),
      memoryBytes: amount(domain.memoryBytes, 0),
      vcpus: amount(domain.vcpus, 0),
      cpu: 0,
      dirtyBytesPerSecond: 0,
      policy: { pin: strings(fields(domain.policy).pin) },
    })),
    traffic: pairs(file.traffic),
    timeline: list(file.timeline).map((entry) => ({
      atSeconds: 0,
      traffic: pairs(entry.traffic),
      domains: list(entry.domains).map(({ id }) => ({ id: text(id), cpu: 0 })),
    })),
  } as unknown as Cluster;
}

function pairs(value: unknown) {
  return list(value).map(({ a, b }) => ({ a: text(a), b: text(b), bitsPerSecond: 0 }));
}

function fields(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}

function list(value: unknown): readonly Fields[] {
  return Array.isArray(value) ? value.map(fields) : [];
}

/** Undefined where it is not a name: the schema says so, and no second problem is made of it. */
function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function numbers(value: unknown): readonly number[] | undefined {
  if (!Array.isArray(value) || !value.every((item) => Number.isFinite(item))) return undefined;
  return value;
}

function amount(value: unknown, otherwise: number): number {
  return typeof value === 'number' && value >= 0 ? value : otherwise;
}
