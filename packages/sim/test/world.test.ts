import type { MigrationResult, SettlementId } from '@barter/core';
import { beforeEach, describe, expect, it } from 'vitest';
import { parseCluster, World, type WorldEvent, type WorldOptions } from '../src/index.ts';
import { exampleDocument, GiB } from './example-cluster.ts';

let world: World;
let events: WorldEvent[];

function build(
  change: (document: ReturnType<typeof exampleDocument>) => void = () => {},
  options: WorldOptions = {},
): World {
  const document = exampleDocument();
  change(document);
  const result = parseCluster(document);
  if (!result.ok) throw new Error(result.message);
  world = new World(result.value, options);
  events = [];
  world.onEvent((event) => events.push(event));
  return world;
}

/** Starts a migration; the result is filled in when the world gets there. */
function migrate(domain: string, source: string, target: string): { result?: MigrationResult } {
  const outcome: { result?: MigrationResult } = {};
  const request = {
    settlement: `s-${domain}` as SettlementId,
    domain,
    source: world.host(source).id,
    target: world.host(target).id,
    leaseMs: 1000,
  };
  world.migrate(request, (result) => {
    expect(outcome.result, 'an end is reported once').toBeUndefined();
    outcome.result = result;
  });
  return outcome;
}

beforeEach(() => {
  build();
});

describe('a simulated world', () => {
  it('prices every pair by how far apart its domains run', () => {
    // vm0–vm1 same rack (1), vm0–vm2 other pod (5), vm2–vm3 one host (0), external not counted.
    expect(world.networkCost()).toBe(8_000_000 * 1 + 1_000_000 * 5);
  });

  it('counts on an uplink only what leaves the host', () => {
    expect(world.load('h0').nicBitsPerSecond).toBe(9_000_000);
    expect(world.load('h2').nicBitsPerSecond).toBe(3_000_000);
  });

  it('follows the timeline', () => {
    world.advanceTo(9_999);
    expect(world.load('h1').nicBitsPerSecond).toBe(8_000_000);
    world.advanceTo(10_000);
    expect(world.load('h1').nicBitsPerSecond).toBe(0);
  });

  it('counts what a domain received, also across a change of rate', () => {
    world.advanceTo(20_000);
    // vm1: half of 8 Mbit/s for ten seconds, then nothing.
    expect(world.receivedBytes('vm1')).toBeCloseTo(5_000_000);
  });

  it('migrates live: at the source until the switchover, from then on at the target', () => {
    const outcome = migrate('vm0', 'h0', 'h1');
    world.advanceTo(500);
    expect(world.presence('h0', 'vm0')).toEqual({ state: 'migrating-out' });
    expect(world.presence('h1', 'vm0')).toEqual({ state: 'arriving' });
    expect(world.progress('vm0')?.bytesSent).toBeGreaterThan(GiB / 4);
    world.advanceTo(60_000);
    expect(outcome.result?.outcome).toBe('moved');
    expect(world.presence('h0', 'vm0')).toEqual({ state: 'absent', defined: false });
    expect(world.presence('h1', 'vm0')).toEqual({ state: 'running' });
    expect(world.placement().vm0).toBe('h1');
    const kinds = events.map((event) => event.kind);
    expect(kinds).toEqual([
      'migration-started',
      'stopped',
      'started',
      'migration-ended',
      'traffic-changed',
    ]);
  });

  it('sends what is dirtied meanwhile again, so a busy domain costs more than its memory', () => {
    const idle = migrate('vm0', 'h0', 'h1');
    world.advanceTo(60_000);
    build((document) => {
      Object.assign(document.domains[0] ?? {}, { dirtyBytesPerSecond: 500_000_000 });
    });
    const busy = migrate('vm0', 'h0', 'h1');
    world.advanceTo(60_000);
    if (idle.result?.outcome !== 'moved' || busy.result?.outcome !== 'moved') throw new Error();
    expect(idle.result.statistics.bytes).toBe(2 * GiB);
    expect(busy.result.statistics.bytes).toBeGreaterThan(2.5 * GiB);
    expect(busy.result.statistics.downtimeMs).toBeLessThanOrEqual(320);
  });

  it('gives up on a domain that dirties memory faster than it can be sent', () => {
    build((document) => {
      Object.assign(document.domains[0] ?? {}, { dirtyBytesPerSecond: 2e9 });
    });
    const outcome = migrate('vm0', 'h0', 'h1');
    world.advanceTo(600_000);
    expect(outcome.result).toMatchObject({ outcome: 'stayed', code: 'not-converging' });
    expect(world.placement().vm0).toBe('h0');
  });

  it('two migrations on one uplink share it', () => {
    build((document) => {
      Object.assign(document.domains[1] ?? {}, { host: 'h0' });
    });
    const alone = migrate('vm0', 'h0', 'h1');
    const second = migrate('vm1', 'h0', 'h1');
    world.advanceTo(60_000);
    if (alone.result?.outcome !== 'moved' || second.result?.outcome !== 'moved') throw new Error();
    expect(second.result.statistics.durationMs).toBeGreaterThan(
      1.8 * alone.result.statistics.durationMs,
    );
  });

  it('never has more memory in use on a host than it has, counting what is arriving', () => {
    const first = migrate('vm3', 'h2', 'h0');
    const second = migrate('vm1', 'h1', 'h0');
    const third = migrate('vm2', 'h2', 'h0');
    expect(first.result).toBeUndefined();
    expect(second.result).toBeUndefined();
    expect(third.result).toMatchObject({ outcome: 'stayed', code: 'no-memory' });
  });

  it('a migration that is aborted leaves everything as it was', () => {
    const outcome = migrate('vm0', 'h0', 'h1');
    world.advanceTo(500);
    world.abortMigration('h0', 'vm0');
    expect(outcome.result).toMatchObject({ outcome: 'stayed', code: 'aborted' });
    world.advanceTo(60_000);
    expect(world.placement().vm0).toBe('h0');
    expect(world.presence('h1', 'vm0')).toEqual({ state: 'absent', defined: false });
  });

  it('fails on demand: refused, broken, hanging, and done without saying so', () => {
    world.failNext({ kind: 'refused', code: 'cpu', detail: 'The CPUs differ.' });
    expect(migrate('vm0', 'h0', 'h1').result).toMatchObject({ outcome: 'stayed', code: 'cpu' });

    world.failNext({ kind: 'broken', fraction: 0.5, detail: 'The connection broke.' });
    const broken = migrate('vm0', 'h0', 'h1');
    world.advanceTo(30_000);
    expect(broken.result).toMatchObject({ outcome: 'stayed', code: 'failed' });

    world.failNext({ kind: 'hang', fraction: 0.5 });
    const hanging = migrate('vm0', 'h0', 'h1');
    world.advanceTo(600_000);
    expect(hanging.result).toBeUndefined();
    expect(world.progress('vm0')?.bytesPerSecond).toBe(0);
    world.abortMigration('h0', 'vm0');
    expect(hanging.result?.outcome).toBe('stayed');

    world.failNext({ kind: 'moved-unseen', detail: 'Nobody saw it.' });
    const unseen = migrate('vm0', 'h0', 'h1');
    world.advanceTo(700_000);
    expect(unseen.result?.outcome).toBe('unknown');
    expect(world.placement().vm0).toBe('h1');
  });

  it('losing libvirt cancels what it was sending, and nobody sees the end', () => {
    const outcome = migrate('vm0', 'h0', 'h1');
    world.setReachable('h0', false);
    expect(outcome.result?.outcome).toBe('unknown');
    world.advanceTo(60_000);
    expect(world.placement().vm0).toBe('h0');
  });

  it('an administrator may shut down, start and move domains by hand', () => {
    world.shutDown('vm0');
    expect(world.placement().vm0).toBeUndefined();
    world.startOn('vm0', 'h2');
    expect(world.placement().vm0).toBe('h2');
    world.startOn('vm0', 'h1');
    expect(world.placement().vm0).toBe('h1');
    expect(events.filter((event) => event.kind === 'stopped')).toMatchObject([
      { host: 'h0', migrated: false },
      { host: 'h2', migrated: true },
    ]);
  });

  it('keeps the headroom out of what claims may use', () => {
    build(() => {}, { headroom: 0.1 });
    const { capacity } = world.sample('h0');
    expect(capacity.memoryLimitBytes).toBe(Math.floor(8 * GiB * 0.9));
    expect(capacity.memoryTransientBytes).toBe(8 * GiB);
  });
});
