import type { MigrationResult, SettlementId } from '@barter/core';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  discardPaused,
  parseCluster,
  powerOff,
  resumePaused,
  World,
  type WorldDomain,
} from '../src/index.ts';
import { exampleDocument } from './example-cluster.ts';

let world: World;
let result: MigrationResult | undefined;

/** Lets vm0 migrate from h0 to h1 while libvirt dies on one side at the end. */
function migrateUntilLibvirtDies(side: 'source' | 'target', handedOver: boolean): WorldDomain {
  world.failNext({ kind: 'libvirt-died', side, handedOver }, 'vm0');
  const settlement = 's' as SettlementId;
  const [source, target] = [world.host('h0').id, world.host('h1').id];
  world.migrate({ settlement, domain: 'vm0', source, target, leaseMs: 1000 }, (end) => {
    result = end;
  });
  world.advanceTo(60_000);
  return world.domain('vm0') as WorldDomain;
}

function runsOn(domain: WorldDomain): readonly string[] {
  return world.hostsRunning(domain).map(({ id }) => id);
}

beforeEach(() => {
  const parsed = parseCluster(exampleDocument());
  if (!parsed.ok) throw new Error(parsed.message);
  world = new World(parsed.value);
  result = undefined;
});

describe('libvirt dying at the end of a migration', () => {
  it('at the source, nothing handed over: paused there, running nowhere, until an operator resumes it', () => {
    const domain = migrateUntilLibvirtDies('source', false);
    expect(result?.outcome).toBe('unknown');
    expect(runsOn(domain)).toEqual([]);
    expect(world.host('h0').reachable).toBe(false);
    expect(resumePaused(world, domain, world.host('h0'))).toBe(false);
    world.setReachable('h0', true);
    expect(world.presence('h0', 'vm0').state).toBe('paused');
    expect(world.sample('h0').domains).toMatchObject([{ domain: 'vm0', state: 'paused' }]);
    expect(resumePaused(world, domain, world.host('h0'))).toBe(true);
    expect(runsOn(domain)).toEqual(['h0']);
  });

  it('at the source, handed over: the paused copy is never resumed, only thrown away', () => {
    const domain = migrateUntilLibvirtDies('source', true);
    world.setReachable('h0', true);
    expect(runsOn(domain)).toEqual(['h1']);
    expect(world.presence('h0', 'vm0').state).toBe('paused');
    expect(resumePaused(world, domain, world.host('h0'))).toBe(false);
    expect(discardPaused(world, domain, world.host('h0'))).toBe(true);
    expect(world.presence('h0', 'vm0')).toEqual({ state: 'absent', defined: false });
  });

  it('at the target, nothing handed over: the source goes on', () => {
    const domain = migrateUntilLibvirtDies('target', false);
    expect(result).toMatchObject({ outcome: 'stayed', code: 'target-lost' });
    expect(runsOn(domain)).toEqual(['h0']);
  });

  it('at the target, handed over: it runs there, and the source was not told', () => {
    const domain = migrateUntilLibvirtDies('target', true);
    expect(result?.outcome).toBe('unknown');
    expect(runsOn(domain)).toEqual(['h1']);
    expect(world.host('h0').paused.size).toBe(0);
  });
});

describe('a host that vanishes', () => {
  it('takes its domains with it, and what was migrating to it stays', () => {
    const settlement = 's' as SettlementId;
    const [source, target] = [world.host('h0').id, world.host('h2').id];
    world.migrate({ settlement, domain: 'vm0', source, target, leaseMs: 1000 }, (end) => {
      result = end;
    });
    world.advanceTo(500);
    const lost = powerOff(world, world.host('h2'));
    expect(lost.map(({ id }) => id)).toEqual(['vm2', 'vm3']);
    expect(result?.outcome).toBe('stayed');
    expect(runsOn(world.domain('vm0') as WorldDomain)).toEqual(['h0']);
    expect(world.host('h2').running.size).toBe(0);
  });
});

describe('a domain that an administrator shut down', () => {
  it('is still defined where it ran, until it runs elsewhere', () => {
    world.shutDown('vm0');
    expect(world.presence('h0', 'vm0')).toEqual({ state: 'absent', defined: true });
    world.startOn('vm0', 'h1');
    expect(world.presence('h0', 'vm0')).toEqual({ state: 'absent', defined: false });
  });

  it('is not brought back by a migration that was under way when it was moved by hand', () => {
    const settlement = 's' as SettlementId;
    const [source, target] = [world.host('h0').id, world.host('h1').id];
    world.migrate({ settlement, domain: 'vm0', source, target, leaseMs: 1000 }, (end) => {
      result = end;
    });
    world.startOn('vm0', 'h2');
    world.advanceTo(60_000);
    expect(result).toMatchObject({ outcome: 'stayed', code: 'aborted' });
    expect(runsOn(world.domain('vm0') as WorldDomain)).toEqual(['h2']);
  });
});
