/** What is done with the copies that a migration leaves, and above all what is not. */

import { domainState, jobOperation, jobType } from '@barter/libvirt';
import { describe, expect, test } from 'vitest';
import {
  type ArrivalDoor,
  type ArrivalEvidence,
  type ArrivalWitness,
  discardLeftover,
  refuseArrival,
  resumeLeftover,
} from '../../src/hypervisor/leftovers.ts';
import type { OrderedCopy } from '../../src/hypervisor/qemu-log.ts';
import type { DepartureWay } from '../../src/mover/departures.ts';
import { migrating, noJob, reference, refused, ScriptedLibvirt } from './scripted-libvirt.ts';

const { uuid } = reference;
const left = { state: domainState.paused, reason: 2 };
const byHand = { state: domainState.paused, reason: 1 };
const running = { state: domainState.running, reason: 1 };
const shutOff = { state: domainState.shutoff, reason: 4 };
const gone = () => refused('noDomain', 'Domain not found');
const incoming = {
  type: jobType.unbounded,
  parameters: new Map([['operation', jobOperation.migrationIn]]),
};

const definition = '<domain/>';
const kept: string[] = [];
const keep = (_name: string, xml: string) => void kept.push(xml);

/** The agent was not there all the time, and libvirt’s log says nothing. */
const nobody: ArrivalWitness = {
  notSeenRunning: () => false,
  wasSeenRunning: () => false,
  wasEndedUnrun: async () => false,
};
const watched: ArrivalWitness = { ...nobody, notSeenRunning: () => true };
const logged: ArrivalWitness = { ...nobody, wasEndedUnrun: async () => true };
const copy = { name: 'vm1', wallMs: 1_000 };

function wayOf(isHeld = false): DepartureWay & { closed: number } {
  const way = {
    closed: 0,
    isHeld: async () => isHeld,
    isGuarded: async () => true,
    close: async () => {
      way.closed += 1;
      return isHeld;
    },
    kill: async () => false,
  };
  return way;
}

function doorOf(kind: ArrivalEvidence['kind'], known: typeof copy | null = copy): ArrivalDoor {
  return { close: async () => {}, evidence: async () => ({ kind, atMs: 5, copy: known }) };
}

describe('a copy that is left paused', () => {
  test('is resumed', async () => {
    const libvirt = new ScriptedLibvirt({ domain_get_state: () => left, domain_resume: () => {} });
    await resumeLeftover(libvirt.domains, wayOf(), uuid);
    expect(libvirt.count('domain_resume')).toBe(1);
  });

  test.each([
    ['and libvirt’s own order has been first', running, true],
    ['and something else is wrong', left, false],
  ])('cannot be resumed, %s', async (_why, after, isFine) => {
    let now: typeof left | typeof running = left;
    const libvirt = new ScriptedLibvirt({
      domain_get_state: () => now,
      domain_resume: () => {
        now = after;
        throw refused('operationInvalid', 'domain is already running');
      },
    });
    const resumed = resumeLeftover(libvirt.domains, wayOf(), uuid);
    if (isFine) await resumed;
    else await expect(resumed).rejects.toThrow('already running');
  });

  test.each([
    ['runs', running],
    ['was paused by an administrator', byHand],
    ['is shut off', shutOff],
  ])('is left alone when it %s', async (_what, state) => {
    const libvirt = new ScriptedLibvirt({ domain_get_state: () => state });
    const way = wayOf();
    await resumeLeftover(libvirt.domains, way, uuid);
    expect(libvirt.calls).not.toContain('domain_resume');
    expect(way.closed).toBe(0);
  });

  test('that libvirt works on still is left to it', async () => {
    const libvirt = new ScriptedLibvirt({
      domain_get_state: () => left,
      domain_get_job_stats: () => migrating(100, 0),
    });
    await resumeLeftover(libvirt.domains, wayOf(), uuid);
    await discardLeftover(libvirt.domains, wayOf(), uuid, keep);
    expect(libvirt.calls).not.toContain('domain_resume');
    expect(libvirt.calls).not.toContain('domain_destroy_flags');
  });

  test('whose libvirt waits for a lost answer is resumed by closing its way', async () => {
    const libvirt = new ScriptedLibvirt({
      domain_get_state: () => left,
      domain_get_job_stats: () => migrating(100, 0),
    });
    const way = wayOf(true);
    await resumeLeftover(libvirt.domains, way, uuid);
    expect(way.closed).toBe(1);
    expect(libvirt.calls).not.toContain('domain_resume');
  });

  test('is discarded: autostart and definition first, then the copy', async () => {
    const libvirt = new ScriptedLibvirt({
      domain_get_state: () => left,
      domain_destroy_flags: () => {},
    });
    await discardLeftover(libvirt.domains, wayOf(), uuid, keep);
    const done = libvirt.calls.filter((call) => /autostart|undefine|destroy/.test(call));
    expect(done).toEqual(['domain_set_autostart', 'domain_undefine_flags', 'domain_destroy_flags']);
  });

  test('whose libvirt waits for a lost answer is discarded before the wait ends, and its definition after', async () => {
    const told: string[] = [];
    let state: { state: number; reason: number } = left;
    let isHeld = true;
    const libvirt = new ScriptedLibvirt({
      domain_get_state: () => state,
      domain_get_job_stats: () => (isHeld ? migrating(100, 0) : noJob),
      domain_destroy_flags: () => {
        told.push('destroy');
        state = shutOff;
      },
      domain_undefine_flags: () => void told.push('undefine'),
    });
    const way = {
      isHeld: async () => isHeld,
      isGuarded: async () => true,
      close: async () => {
        told.push('close');
        isHeld = false;
        return true;
      },
      kill: async () => false,
    };
    await discardLeftover(libvirt.domains, way, uuid, keep);
    expect(told).toEqual(['destroy', 'close', 'undefine']);
  });

  test('of which only the definition is left loses that', async () => {
    kept.length = 0;
    const libvirt = new ScriptedLibvirt({
      domain_get_state: () => shutOff,
      domain_get_xml_desc: () => definition,
    });
    await discardLeftover(libvirt.domains, wayOf(), uuid, keep);
    expect(kept[0]).toBe(definition);
    expect(libvirt.calls).toContain('domain_undefine_flags');
    expect(libvirt.calls).not.toContain('domain_destroy_flags');
  });

  test.each([
    ['runs', running],
    ['was paused by an administrator', byHand],
  ])('is not discarded when it %s', async (_what, state) => {
    const libvirt = new ScriptedLibvirt({ domain_get_state: () => state });
    await discardLeftover(libvirt.domains, wayOf(), uuid, keep);
    expect(libvirt.calls.filter((call) => /autostart|undefine|destroy/.test(call))).toEqual([]);
  });

  test('that begins to run while its definition goes is not ended', async () => {
    let state: { state: number; reason: number } = left;
    const libvirt = new ScriptedLibvirt({
      domain_get_state: () => state,
      domain_undefine_flags: () => {
        state = running;
      },
    });
    await discardLeftover(libvirt.domains, wayOf(), uuid, keep);
    expect(libvirt.calls).not.toContain('domain_destroy_flags');
  });
});

describe('an arrival that is refused', () => {
  /** Waits for its order until it is cancelled; libvirt answers a cancellation with an error. */
  const waiting = (error = refused('operationFailed', 'migration was cancelled')) => {
    let isHere = true;
    return new ScriptedLibvirt({
      domain_lookup_by_uuid: () => (isHere ? reference : gone()),
      domain_get_state: () => left,
      domain_get_job_stats: () => incoming,
      domain_migrate_finish3_params: () => {
        isHere = false;
        return error;
      },
    });
  };

  test.each(['opened', 'ordered'] as const)(
    'is cancelled where it waits for its order (%s)',
    async (evidence) => {
      const libvirt = waiting();
      expect(await refuseArrival(libvirt.domains, doorOf(evidence), 's1', uuid, nobody)).toBe(
        'refused',
      );
      expect(libvirt.count('domain_migrate_finish3_params')).toBe(1);
    },
  );

  test('that is none of ours is not touched', async () => {
    const libvirt = waiting();
    await expect(
      refuseArrival(libvirt.domains, doorOf('unknown'), 's1', uuid, nobody),
    ).rejects.toThrow();
    expect(libvirt.calls).not.toContain('domain_migrate_finish3_params');
  });

  test.each([
    ['opened', 'refused'],
    ['ordered', 'unclear'],
    ['unknown', 'unclear'],
  ] as const)(
    'of which nothing is here and %s is known counts as %s',
    async (evidence, outcome) => {
      const libvirt = new ScriptedLibvirt({ domain_lookup_by_uuid: gone });
      expect(await refuseArrival(libvirt.domains, doorOf(evidence), 's1', uuid, nobody)).toBe(
        outcome,
      );
    },
  );

  test('over whose order libvirtd died is refused only when somebody watched that it never ran', async () => {
    const libvirt = new ScriptedLibvirt({ domain_lookup_by_uuid: gone });
    const outcome = refuseArrival(libvirt.domains, doorOf('ordered'), 's1', uuid, watched);
    expect(await outcome).toBe('refused');
    const defined = new ScriptedLibvirt({ domain_get_state: () => shutOff });
    // It has been defined here: it ran.
    const later = refuseArrival(defined.domains, doorOf('ordered'), 's1', uuid, watched);
    expect(await later).toBe('unclear');
  });

  test('over whose order libvirtd and the agent died is refused only when libvirt’s log says that it ended it', async () => {
    const told: OrderedCopy[] = [];
    const libvirt = new ScriptedLibvirt({ domain_lookup_by_uuid: gone });
    const witness: ArrivalWitness = {
      ...nobody,
      wasEndedUnrun: async (one) => {
        told.push(one);
        return true;
      },
    };
    const outcome = refuseArrival(libvirt.domains, doorOf('ordered'), 's1', uuid, witness);
    expect(await outcome).toBe('refused');
    expect(told).toEqual([{ ...copy, uuid, atMs: 5 }]);
  });

  test.each<[string, ScriptedLibvirt, ArrivalDoor, ArrivalWitness?]>([
    [
      'has a definition here',
      new ScriptedLibvirt({ domain_get_state: () => shutOff }),
      doorOf('ordered'),
    ],
    [
      'has a mark without a name',
      new ScriptedLibvirt({ domain_lookup_by_uuid: gone }),
      doorOf('ordered', null),
    ],
    [
      'was seen running here',
      new ScriptedLibvirt({ domain_lookup_by_uuid: gone }),
      doorOf('ordered'),
      { ...logged, wasSeenRunning: () => true },
    ],
    ['has no mark', new ScriptedLibvirt({ domain_lookup_by_uuid: gone }), doorOf('unknown')],
  ])(
    'that %s is not refused for what libvirt’s log says',
    async (_what, libvirt, door, witness = logged) => {
      expect(await refuseArrival(libvirt.domains, door, 's1', uuid, witness)).toBe('unclear');
    },
  );

  test('that began to run in between, and was gone again, counts as unclear', async () => {
    const libvirt = waiting(refused('operationInvalid', 'not processing incoming migration'));
    expect(await refuseArrival(libvirt.domains, doorOf('ordered'), 's1', uuid, nobody)).toBe(
      'unclear',
    );
  });

  test('that runs is said to run', async () => {
    const libvirt = new ScriptedLibvirt();
    expect(await refuseArrival(libvirt.domains, doorOf('ordered'), 's1', uuid, nobody)).toBe(
      'running',
    );
  });

  test('whose way cannot be closed is not refused', async () => {
    const libvirt = waiting();
    const door = { ...doorOf('opened'), close: () => Promise.reject(new Error('no answer')) };
    await expect(refuseArrival(libvirt.domains, door, 's1', uuid, nobody)).rejects.toThrow(
      'no answer',
    );
    expect(libvirt.calls).not.toContain('domain_migrate_finish3_params');
  });
});
