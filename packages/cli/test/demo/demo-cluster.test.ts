import { formatClusterFile, parseClusterFile, World } from '@barter/sim';
import { describe, expect, it } from 'vitest';
import { demoCluster, groupOf } from '../../src/demo/demo-cluster.ts';

const sizes: [number, number][] = [
  [2, 2],
  [5, 20],
  [5, 60],
  [16, 200],
  [16, 2],
];

describe("the demo's cluster", () => {
  it.each(sizes)('is a valid cluster file with %i hosts and %i VMs', (hosts, domains) => {
    const result = parseClusterFile(formatClusterFile(demoCluster(hosts, domains)));
    expect(result.ok ? 'ok' : result.message).toBe('ok');
    if (!result.ok) return;
    expect(result.value.hosts).toHaveLength(hosts);
    expect(result.value.domains).toHaveLength(domains);
    expect(new World(result.value).networkCost()).toBeGreaterThan(0);
  });

  it('is the same every time', () => {
    expect(demoCluster(5, 20)).toEqual(demoCluster(5, 20));
  });

  it('starts with groups torn apart, one host hot and one idle', () => {
    const world = new World(demoCluster(5, 20));
    expect(world.networkCost()).toBeGreaterThan(1e9);
    const counts = world.hosts.map((host) => host.running.size);
    expect(counts.at(-1)).toBe(0);
    expect(counts[0]).toBe(Math.max(...counts));
    for (const host of world.hosts) {
      const groups = [...host.running].map((domain) => groupOf(domain.id));
      expect(new Set(groups).size).toBeGreaterThanOrEqual(Math.min(2, groups.length));
    }
  });

  it('has room for whole groups on every host', () => {
    const cluster = demoCluster(5, 20);
    const largest = Math.max(
      ...Map.groupBy(cluster.domains, (domain) => groupOf(domain.id))
        .values()
        .map((group) => group.reduce((sum, domain) => sum + domain.memoryBytes, 0)),
    );
    for (const host of cluster.hosts) expect(host.memoryBytes).toBeGreaterThan(largest);
  });
});
