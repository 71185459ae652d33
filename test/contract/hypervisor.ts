/**
 * What every `Hypervisor` must do, real or simulated. An adapter's test calls `hypervisorContract` with
 * a way to make one host with one running domain; parts that a set-up cannot offer (no second host to
 * migrate to, say) are left out of it and named.
 */

import type {
  DomainId,
  HostId,
  Hypervisor,
  HypervisorEvent,
  MigrationOrder,
  MigrationProgress,
  SettlementId,
} from '@barter/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

export type HypervisorStage = Readonly<{
  hypervisor: Hypervisor;
  /** A domain that runs on this host. */
  domain: DomainId;
  /** Waits for a promise while time passes: simulated adapters need their world to be driven. */
  passing<Value>(promise: Promise<Value>): Promise<Value>;
  /** What an administrator does by hand. */
  shutDown(domain: DomainId): Promise<void>;
  start(domain: DomainId): Promise<void>;
  /** A second host that the domain can migrate to; undefined leaves the migration tests out. */
  migration?: Readonly<{
    target: HostId;
    /** A host that does not exist or takes nothing. */
    nowhere: HostId;
    /** Whether the domain runs on the target, asked there. */
    runsAtTarget(domain: DomainId): Promise<boolean>;
    /** The target's own hypervisor. */
    atTarget: Hypervisor;
    /**
     * Both hosts lose their hypervisor for a moment when a migration of the domain has sent everything: its copy
     * here is left paused, and nothing is at the target.
     */
    leaveBehind(domain: DomainId): Promise<void>;
  }>;
  /** Cuts the connection to the hypervisor, and mends it; undefined leaves that test out. */
  reach?: Readonly<{ cut(): Promise<void>; mend(): Promise<void> }>;
  close(): Promise<void>;
}>;

export function hypervisorContract(name: string, setup: () => Promise<HypervisorStage>): void {
  describe(`hypervisor: ${name}`, () => {
    let stage: HypervisorStage;
    let events: HypervisorEvent[];

    beforeEach(async () => {
      stage = await setup();
      events = [];
      stage.hypervisor.onEvent((event) => events.push(event));
    });

    afterEach(async () => {
      await stage.hypervisor.close();
      await stage.close();
    });

    /** The event that shows it, seen or still to come. */
    function seen(wanted: (event: HypervisorEvent) => boolean): Promise<void> {
      if (events.some(wanted)) return Promise.resolve();
      return stage.passing(
        new Promise((resolve) => {
          stage.hypervisor.onEvent((event) => {
            if (wanted(event)) resolve();
          });
        }),
      );
    }

    function order(target: HostId): MigrationOrder {
      return {
        settlement: `settlement-${Math.floor(performance.now() * 1000)}` as SettlementId,
        domain: stage.domain,
        target,
        leaseMs: 30_000,
      };
    }

    it('shows the host and the running domain with everything that prices it', async () => {
      const sample = await stage.passing(stage.hypervisor.sample());
      expect(sample.capacity.memoryBytes).toBeGreaterThan(0);
      expect(sample.capacity.vcpus).toBeGreaterThan(0);
      expect(sample.capacity.memoryLimitBytes).toBeLessThanOrEqual(
        sample.capacity.memoryTransientBytes,
      );
      const domain = sample.domains.find((entry) => entry.domain === stage.domain);
      expect(domain?.state).toBe('running');
      expect(domain?.traits.name).not.toBe('');
      expect(domain?.traits.memoryBytes).toBeGreaterThan(0);
      expect(domain?.traits.vcpus).toBeGreaterThan(0);
      expect(domain?.traits.cpu).toBeGreaterThanOrEqual(0);
      for (const address of domain?.addresses ?? []) {
        expect(address).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
      }
    });

    it('knows where a domain is, and that an unknown one is absent', async () => {
      expect(await stage.passing(stage.hypervisor.inspect(stage.domain))).toEqual({
        state: 'running',
      });
      const stranger = '00000000-1111-4222-8333-444444444444' as DomainId;
      expect(await stage.passing(stage.hypervisor.inspect(stranger))).toEqual({
        state: 'absent',
        defined: false,
      });
    });

    it('reports a domain that an administrator shuts down, and shows it no more', async () => {
      await stage.shutDown(stage.domain);
      await seen(
        (event) => event.kind === 'stopped' && event.domain === stage.domain && !event.migrated,
      );
      const sample = await stage.passing(stage.hypervisor.sample());
      expect(sample.domains.map((entry) => entry.domain)).not.toContain(stage.domain);
      const presence = await stage.passing(stage.hypervisor.inspect(stage.domain));
      expect(presence.state).toBe('absent');
    });

    it('reports a domain that an administrator starts, and shows it again', async () => {
      await stage.shutDown(stage.domain);
      await seen((event) => event.kind === 'stopped' && event.domain === stage.domain);
      await stage.start(stage.domain);
      await seen((event) => event.kind === 'started' && event.domain === stage.domain);
      const sample = await stage.passing(stage.hypervisor.sample());
      expect(sample.domains.map((entry) => entry.domain)).toContain(stage.domain);
    });

    it('aborting when nothing is under way does no harm', async () => {
      await stage.passing(stage.hypervisor.abortMigration(stage.domain));
      expect(await stage.passing(stage.hypervisor.inspect(stage.domain))).toEqual({
        state: 'running',
      });
    });

    it('migrates live: the domain leaves here, runs there, and the bytes are accounted for', async ({
      skip,
    }) => {
      const migration = stage.migration ?? skip('this set-up has no second host');
      const progress: MigrationProgress[] = [];
      const wanted = order(migration.target);
      const result = await stage.passing(
        stage.hypervisor.migrate(wanted, (entry) => progress.push(entry)),
      );
      expect(result.outcome).toBe('moved');
      if (result.outcome !== 'moved') return;
      expect(result.statistics.bytes).toBeGreaterThan(0);
      expect(result.statistics.durationMs).toBeGreaterThan(0);
      expect(result.statistics.downtimeMs).toBeLessThanOrEqual(result.statistics.durationMs);
      await seen(
        (event) => event.kind === 'stopped' && event.domain === stage.domain && event.migrated,
      );
      const presence = await stage.passing(stage.hypervisor.inspect(stage.domain));
      expect(presence).toEqual({ state: 'absent', defined: false });
      expect(await migration.runsAtTarget(stage.domain)).toBe(true);
      for (const entry of progress) expect(entry.settlement).toBe(wanted.settlement);
    });

    it('a migration to nowhere is a result, not an exception, and the domain stays', async ({
      skip,
    }) => {
      const migration = stage.migration ?? skip('this set-up has no second host');
      const result = await stage.passing(
        stage.hypervisor.migrate(order(migration.nowhere), () => {}),
      );
      expect(result.outcome).toBe('stayed');
      if (result.outcome === 'stayed') {
        expect(result.code).not.toBe('');
        expect(result.detail).toMatch(/\S/);
      }
      expect(await stage.passing(stage.hypervisor.inspect(stage.domain))).toEqual({
        state: 'running',
      });
    });

    it('refuses to migrate a domain that is not here', async ({ skip }) => {
      const migration = stage.migration ?? skip('this set-up has no second host');
      const stranger = '00000000-1111-4222-8333-444444444444' as DomainId;
      const result = await stage.passing(
        stage.hypervisor.migrate({ ...order(migration.target), domain: stranger }, () => {}),
      );
      expect(result.outcome).toBe('stayed');
    });

    it('aborts a migration under way: the domain stays, and runs on', async ({ skip }) => {
      const migration = stage.migration ?? skip('this set-up has no second host');
      let aborted: Promise<void> | undefined;
      const result = await stage.passing(
        stage.hypervisor.migrate(order(migration.target), () => {
          aborted ??= stage.hypervisor.abortMigration(stage.domain);
        }),
      );
      await stage.passing(aborted ?? Promise.resolve());
      // A migration may be over before the abort reaches it; then it has moved, and says so.
      const moved = await migration.runsAtTarget(stage.domain);
      expect(result.outcome).toBe(moved ? 'moved' : 'stayed');
      const presence = await stage.passing(stage.hypervisor.inspect(stage.domain));
      expect(presence.state).toBe(moved ? 'absent' : 'running');
    });

    it('resumes and discards nothing but what a migration left, and knows what runs from what arrives', async () => {
      await stage.passing(stage.hypervisor.resume(stage.domain));
      await stage.passing(stage.hypervisor.discard(stage.domain));
      const settlement = 'never-begun' as SettlementId;
      const running = stage.hypervisor.refuseArrival(settlement, stage.domain);
      expect(await stage.passing(running)).toBe('running');
      expect(await stage.passing(stage.hypervisor.inspect(stage.domain))).toEqual({
        state: 'running',
      });
      const stranger = '00000000-1111-4222-8333-444444444444' as DomainId;
      await stage.passing(stage.hypervisor.resume(stranger));
      await stage.passing(stage.hypervisor.discard(stranger));
      const absent = stage.hypervisor.refuseArrival(settlement, stranger);
      expect(await stage.passing(absent)).not.toBe('running');
    });

    it('the target refuses a domain that is arriving: it stays where it was, and runs', async ({
      skip,
    }) => {
      const migration = stage.migration ?? skip('this set-up has no second host');
      const wanted = order(migration.target);
      let refused: Promise<unknown> | undefined;
      const result = await stage.passing(
        stage.hypervisor.migrate(wanted, () => {
          refused ??= migration.atTarget.refuseArrival(wanted.settlement, stage.domain);
        }),
      );
      const outcome = await stage.passing(refused ?? Promise.resolve('running'));
      // A migration may be over before the refusal reaches it.
      const moved = await migration.runsAtTarget(stage.domain);
      expect(outcome).toBe(moved ? 'running' : 'refused');
      expect(result.outcome).toBe(moved ? 'moved' : 'stayed');
      const presence = await stage.passing(stage.hypervisor.inspect(stage.domain));
      expect(presence.state).toBe(moved ? 'absent' : 'running');
    });

    it('knows a copy that a migration left paused, and lets it run on', async ({ skip }) => {
      const migration = stage.migration ?? skip('this set-up has no second host');
      await migration.leaveBehind(stage.domain);
      const left = await stage.passing(stage.hypervisor.inspect(stage.domain));
      expect(left).toMatchObject({ state: 'paused', byMigration: true });
      await stage.passing(stage.hypervisor.resume(stage.domain));
      expect(await stage.passing(stage.hypervisor.inspect(stage.domain))).toEqual({
        state: 'running',
      });
    });

    it('takes away a copy that a migration left paused, and its definition', async ({ skip }) => {
      const migration = stage.migration ?? skip('this set-up has no second host');
      await migration.leaveBehind(stage.domain);
      await stage.passing(stage.hypervisor.discard(stage.domain));
      expect(await stage.passing(stage.hypervisor.inspect(stage.domain))).toEqual({
        state: 'absent',
        defined: false,
      });
    });

    it('rejects what it cannot know while libvirt is away, and says when it is back', async ({
      skip,
    }) => {
      const reach = stage.reach ?? skip('this set-up cannot cut the connection');
      await reach.cut();
      await seen((event) => event.kind === 'reachable' && !event.reachable);
      await expect(stage.passing(stage.hypervisor.sample())).rejects.toThrow();
      events = [];
      await reach.mend();
      await seen((event) => event.kind === 'reachable' && event.reachable);
      const sample = await stage.passing(stage.hypervisor.sample());
      expect(sample.domains.map((entry) => entry.domain)).toContain(stage.domain);
    });
  });
}
