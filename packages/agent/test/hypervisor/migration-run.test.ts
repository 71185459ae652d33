/** How one migration goes, and what it says at its end, in every way that libvirt can answer. */

import type {
  DomainId,
  HostId,
  MigrationOrder,
  MigrationProgress,
  SettlementId,
} from '@barter/core';
import { domainState, lifecycleDetail, lifecycleEvent } from '@barter/libvirt';
import { describe, expect, test } from 'vitest';
import { MigrationRun } from '../../src/hypervisor/migration-run.ts';
import type { MigrationPath } from '../../src/migration-path.ts';
import { lost, migrating, reference, refused, ScriptedLibvirt } from './scripted-libvirt.ts';

const order: MigrationOrder = {
  settlement: 's1' as SettlementId,
  domain: reference.uuid as DomainId,
  target: 'h2' as HostId,
  leaseMs: 60_000,
};

function openPath(): MigrationPath & { opened: number; closed: number } {
  const path = {
    opened: 0,
    closed: 0,
    async open() {
      path.opened += 1;
      const close = async () => {
        path.closed += 1;
      };
      return { ok: true as const, value: { destinationUri: 'qemu+unix:///system', close } };
    },
  };
  return path;
}

function prepare(
  libvirt: ScriptedLibvirt,
  path: MigrationPath = openPath(),
  given = order,
  signal = new AbortController().signal,
  isGuarded = true,
) {
  const progress: MigrationProgress[] = [];
  const said: string[] = [];
  const run = new MigrationRun(
    {
      client: libvirt,
      path,
      way: { isHeld: async () => false, isGuarded: async () => isGuarded },
      log: { log: (_level, code) => said.push(code) },
      signal,
      settings: { bandwidthBytesPerSecond: null, downtimeMaxMs: 300, pollMs: 2, askEveryMs: 2 },
    },
    given,
    (one) => progress.push(one),
  );
  return { run, progress, said };
}

const gone = () => refused('noDomain', 'Domain not found');
const perform = 'domain_migrate_perform3_params';

/** A migration whose answer comes when the test wants it. */
function pendingPerform() {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Rejecting before anybody waits is no error of the process.
  promise.catch(() => {});
  const begun = Promise.withResolvers<void>();
  const handler = () => {
    begun.resolve();
    return promise;
  };
  return { handler, begun: begun.promise, resolve, reject };
}

describe('a migration that fails after everything was sent', () => {
  /** libvirt lost its connection to the target, and lets the guest run on here. */
  async function failedAfter(isGuarded: boolean, stoodStill: boolean) {
    const call = pendingPerform();
    const libvirt = new ScriptedLibvirt({ [perform]: call.handler });
    const path = openPath();
    const { run } = prepare(libvirt, path, order, undefined, isGuarded);
    const result = run.run();
    await call.begun;
    if (stoodStill)
      run.notice({
        kind: 'lifecycle',
        domain: reference,
        event: lifecycleEvent.suspended,
        detail: lifecycleDetail.suspendedMigrated,
      });
    call.reject(refused('internalError', 'client socket is closed'));
    return { result: await result, path };
  }

  test('stayed, while its mover is there: that one would not have let libvirt guess', async () => {
    const { result, path } = await failedAfter(true, true);
    expect(result).toMatchObject({ outcome: 'stayed' });
    expect(path.closed).toBe(1);
  });

  test('is in doubt when its mover is gone: the target may run it as well', async () => {
    const { result, path } = await failedAfter(false, true);
    expect(result).toMatchObject({ outcome: 'unknown', guessed: true });
    expect(path.closed).toBe(0);
  });

  test('stayed, whatever became of its mover, when it never stood still', async () => {
    expect((await failedAfter(false, false)).result).toMatchObject({ outcome: 'stayed' });
  });
});

describe('a migration that succeeds', () => {
  test('reports progress, is allowed more downtime only when it needs it, and leaves nothing here', async () => {
    const call = pendingPerform();
    const passes = [migrating(100, 900, 1), migrating(500, 500, 1), migrating(900, 100, 2)];
    const downtimes: number[] = [];
    let moved = false;
    const libvirt = new ScriptedLibvirt({
      [perform]: call.handler,
      domain_get_job_stats: () => {
        if (libvirt.count(perform) === 0) return { type: 0, parameters: new Map() };
        const next = passes.shift();
        if (next !== undefined) return next;
        moved = true;
        call.resolve();
        return migrating(1000, 1, 3);
      },
      domain_migrate_set_max_downtime: ({ downtimeMs }: { downtimeMs: number }) => {
        downtimes.push(downtimeMs);
      },
      domain_lookup_by_uuid: () => (moved ? gone() : reference),
    });
    const path = openPath();
    const { run, progress } = prepare(libvirt, path);
    const result = await run.run();
    expect(result).toMatchObject({ outcome: 'moved', statistics: { bytes: 1000 } });
    expect(progress.map((one) => one.bytesSent)).toEqual([100, 500, 900, 1000]);
    expect(downtimes[0]).toBe(100);
    expect(downtimes.length).toBeLessThanOrEqual(2);
    expect(path).toMatchObject({ opened: 1, closed: 1 });
  });

  test('takes the final figures from the event, which the job itself no longer tells', async () => {
    const call = pendingPerform();
    let moved = false;
    const libvirt = new ScriptedLibvirt({
      [perform]: call.handler,
      domain_lookup_by_uuid: () => (moved ? gone() : reference),
    });
    const { run } = prepare(libvirt);
    const result = run.run();
    await call.begun;
    const parameters = new Map([
      ['data_processed', 4_711n],
      ['downtime', 1n],
    ]);
    run.notice({ kind: 'job-completed', domain: reference, parameters });
    moved = true;
    call.resolve();
    expect(await result).toMatchObject({ outcome: 'moved', statistics: { bytes: 4_711 } });
  });

  test('undefines what libvirt left behind, so that a reboot starts no second copy', async () => {
    let moved = false;
    const libvirt = new ScriptedLibvirt({
      [perform]: () => {
        moved = true;
      },
      domain_get_state: () => ({
        state: moved ? domainState.shutoff : domainState.running,
        reason: 4,
      }),
    });
    const { run } = prepare(libvirt);
    expect((await run.run()).outcome).toBe('moved');
    expect(libvirt.calls.slice(-2)).toEqual(['domain_set_autostart', 'domain_undefine_flags']);
  });

  test('a success that left a running copy here is not called a success', async () => {
    const libvirt = new ScriptedLibvirt({ [perform]: () => undefined });
    const result = await prepare(libvirt).run.run();
    expect(result.outcome).toBe('unknown');
    expect(libvirt.count('domain_undefine_flags')).toBe(0);
  });

  test('a domain that starts by itself is marked before it leaves', async () => {
    let moved = false;
    const libvirt = new ScriptedLibvirt({
      [perform]: () => {
        moved = true;
      },
      domain_get_autostart: () => true,
      domain_lookup_by_uuid: () => (moved ? gone() : reference),
    });
    await prepare(libvirt).run.run();
    const mark = libvirt.calls.indexOf('domain_set_metadata');
    expect(mark).toBeGreaterThan(-1);
    expect(mark).toBeLessThan(libvirt.calls.indexOf(perform));
  });
});

describe('a migration that does not begin', () => {
  test.each([
    ['gone', { domain_lookup_by_uuid: gone }],
    ['gone', { domain_get_state: () => ({ state: domainState.shutoff, reason: 1 }) }],
    ['check-failed', { domain_get_state: () => ({ state: domainState.paused, reason: 1 }) }],
    ['busy', { domain_get_job_stats: () => migrating(1, 1) }],
    [
      'blocked',
      {
        domain_migrate_begin3_params: () =>
          refused('migrateUnsafe', 'Migration without shared storage is unsafe'),
      },
    ],
    ['unreachable', { domain_lookup_by_uuid: () => lost('closed') }],
    ['check-failed', { domain_migrate_begin3_params: () => '<domain><name>vm1</name></domain>' }],
  ])('%s: the target is not even asked', async (code, answers) => {
    const path = openPath();
    const result = await prepare(new ScriptedLibvirt(answers), path).run.run();
    expect(result).toMatchObject({ outcome: 'stayed', code });
    expect(path.opened).toBe(0);
  });

  test('the target says no: its code and its words', async () => {
    const libvirt = new ScriptedLibvirt();
    const path: MigrationPath = {
      open: async () => ({ ok: false, code: 'no-lease', message: 'No room is kept.' }),
    };
    const result = await prepare(libvirt, path).run.run();
    expect(result).toEqual({ outcome: 'stayed', code: 'no-lease', detail: 'No room is kept.' });
    expect(libvirt.count(perform)).toBe(0);
  });

  test('the lease is over before it can start', async () => {
    const libvirt = new ScriptedLibvirt();
    const path = openPath();
    const result = await prepare(libvirt, path, { ...order, leaseMs: 0 }).run.run();
    expect(result).toMatchObject({ outcome: 'stayed', code: 'expired' });
    expect(libvirt.count(perform)).toBe(0);
    expect(path.closed).toBe(1);
  });

  test('aborted while the target was asked', async () => {
    const libvirt = new ScriptedLibvirt();
    const inner = openPath();
    const path: MigrationPath = {
      open: async (...args) => {
        await run.abort('aborted', 'An operator said so.');
        return inner.open(...args);
      },
    };
    const { run } = prepare(libvirt, path);
    expect(await run.run()).toMatchObject({ outcome: 'stayed', code: 'aborted' });
    expect(libvirt.count(perform)).toBe(0);
    expect(inner.closed).toBe(1);
  });
});

describe('a migration that fails', () => {
  test('libvirt refuses and the domain runs here: stayed, with libvirt’s words', async () => {
    const libvirt = new ScriptedLibvirt({
      [perform]: () => refused('operationFailed', 'unsupported configuration: CPU lacks avx'),
    });
    expect(await prepare(libvirt).run.run()).toEqual({
      outcome: 'stayed',
      code: 'libvirt-refused',
      detail: 'libvirt: unsupported configuration: CPU lacks avx',
    });
  });

  test('aborted under way: the abort is asked for until it has an effect, and the reason is ours', async () => {
    const call = pendingPerform();
    let aborts = 0;
    const libvirt = new ScriptedLibvirt({
      [perform]: call.handler,
      domain_get_job_stats: () =>
        libvirt.count(perform) === 0 || aborts > 1
          ? { type: 0, parameters: new Map() }
          : migrating(10, 90),
      domain_abort_job: () => {
        aborts += 1;
        // The first one hangs, as libvirt sometimes does.
        if (aborts === 1) return lost('timeout');
        call.reject(refused('operationAborted', 'migration out: canceled by client'));
        return undefined;
      },
    });
    const { run } = prepare(libvirt);
    const result = run.run();
    await call.begun;
    await run.abort('aborted', 'An operator said so.');
    expect(await result).toEqual({
      outcome: 'stayed',
      code: 'aborted',
      detail: 'An operator said so.',
    });
    expect(aborts).toBe(2);
  });

  test('libvirt refuses while the guest stands still here: unknown, and nobody touches it', async () => {
    let begun = false;
    const libvirt = new ScriptedLibvirt({
      [perform]: () => {
        begun = true;
        return refused('operationFailed', 'lost the target in Finish');
      },
      domain_get_state: () => ({
        state: begun ? domainState.paused : domainState.running,
        reason: 2,
      }),
    });
    const result = await prepare(libvirt).run.run();
    expect(result).toMatchObject({ outcome: 'unknown' });
    expect(result.outcome === 'unknown' && result.detail).toContain('did not end');
    expect(libvirt.calls).not.toContain('domain_resume');
  });
});

describe('an end that nobody heard', () => {
  test.each(['closed', 'timeout'] as const)(
    '%s, and it keeps running here without a job: stayed, after libvirt said so repeatedly',
    async (kind) => {
      const libvirt = new ScriptedLibvirt({ [perform]: () => lost(kind) });
      const before = () => libvirt.count('domain_get_state');
      const result = await prepare(libvirt).run.run();
      expect(result).toMatchObject({ outcome: 'stayed', code: 'libvirt-lost' });
      expect(before()).toBeGreaterThanOrEqual(6);
    },
  );

  test('a late start is not overlooked: what runs here now may be migrating a moment later', async () => {
    let asked = 0;
    let left = false;
    const libvirt = new ScriptedLibvirt({
      [perform]: () => lost('closed'),
      domain_get_job_stats: () => {
        if (libvirt.count(perform) === 0) return { type: 0, parameters: new Map() };
        asked += 1;
        if (asked === 2) return migrating(10, 90);
        if (asked > 4) left = true;
        return asked > 2 ? migrating(90, 10) : { type: 0, parameters: new Map() };
      },
      domain_lookup_by_uuid: () => (left ? gone() : reference),
    });
    const { run } = prepare(libvirt);
    const result = run.run();
    run.notice({
      kind: 'lifecycle',
      domain: reference,
      event: lifecycleEvent.stopped,
      detail: lifecycleDetail.stoppedMigrated,
    });
    expect((await result).outcome).toBe('moved');
  });

  test('it is gone and nobody saw it leave: unknown', async () => {
    const libvirt = new ScriptedLibvirt({
      [perform]: () => lost('closed'),
      domain_lookup_by_uuid: () => (libvirt.count(perform) > 0 ? gone() : reference),
      domain_get_state: () => (libvirt.count(perform) > 0 ? gone() : { state: 1, reason: 1 }),
    });
    expect(await prepare(libvirt).run.run()).toMatchObject({ outcome: 'unknown' });
  });

  test('a path that fails to close is logged and changes nothing', async () => {
    const libvirt = new ScriptedLibvirt({ [perform]: () => refused('operationFailed', 'no') });
    const path: MigrationPath = {
      open: async () => ({
        ok: true,
        value: {
          destinationUri: 'qemu+unix:///system',
          close: () => Promise.reject(new Error('the mover is gone')),
        },
      }),
    };
    const { run, said } = prepare(libvirt, path);
    expect((await run.run()).outcome).toBe('stayed');
    expect(said).toContain('path-not-closed');
  });

  test('the agent ends: the migration keeps its path and goes on without it', async () => {
    const ending = new AbortController();
    const libvirt = new ScriptedLibvirt({
      [perform]: () => {
        ending.abort();
        return lost('closed');
      },
    });
    const path = openPath();
    const { run } = prepare(libvirt, path, order, ending.signal);
    expect((await run.run()).outcome).toBe('unknown');
    expect(path.closed).toBe(0);
  });
});
