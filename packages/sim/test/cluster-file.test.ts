import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type ClusterProblem,
  formatClusterFile,
  parseCluster,
  parseClusterFile,
} from '../src/index.ts';
import { exampleDocument, GiB } from './example-cluster.ts';

type Document = ReturnType<typeof exampleDocument>;

/** The problems that a change to the example brings about. */
function problemsOf(change: (document: Document) => void): readonly ClusterProblem[] {
  const document = exampleDocument();
  change(document);
  const result = parseClusterFile(JSON.stringify(document));
  return result.ok ? [] : result.problems;
}

describe('the cluster file', () => {
  it('is read with every default filled in', () => {
    const result = parseClusterFile(JSON.stringify(exampleDocument()));
    expect(result.ok).toBe(true);
    if (!result.ok) return;
    expect(result.value.domains[0]).toEqual({
      id: 'vm0',
      host: 'h0',
      memoryBytes: 2 * GiB,
      vcpus: 1,
      cpu: 0.5,
      dirtyBytesPerSecond: 0,
      policy: {},
    });
  });

  it('may leave out location, timeline and what a domain does', () => {
    const result = parseClusterFile(
      JSON.stringify({
        version: 1,
        distance: [0, 1],
        hosts: [{ id: 'h0', memoryBytes: GiB, vcpus: 1, nicBitsPerSecond: 1e9 }],
        domains: [{ id: 'vm0', host: 'h0', memoryBytes: GiB, vcpus: 1 }],
        traffic: [],
      }),
    );
    expect(result.ok && result.value.hosts[0]?.location).toEqual([]);
    expect(result.ok && result.value.timeline).toEqual([]);
  });

  it('adds up a pair that is listed twice, in either direction', () => {
    const document = exampleDocument();
    document.traffic = [
      { a: 'vm0', b: 'vm1', bitsPerSecond: 1 },
      { a: 'vm1', b: 'vm0', bitsPerSecond: 2 },
    ];
    const result = parseClusterFile(JSON.stringify(document));
    expect(result.ok && result.value.traffic).toEqual([{ a: 'vm0', b: 'vm1', bitsPerSecond: 3 }]);
  });

  it('puts the timeline in order of time', () => {
    const document = exampleDocument();
    document.timeline = [
      { atSeconds: 20, traffic: [] },
      { atSeconds: 5, traffic: [] },
    ];
    const result = parseClusterFile(JSON.stringify(document));
    expect(result.ok && result.value.timeline.map((entry) => entry.atSeconds)).toEqual([5, 20]);
  });

  const mistakes: [string, (document: Document) => void, string, RegExp][] = [
    [
      'an unknown key',
      (d) => Object.assign(d.hosts[1] ?? {}, { cpus: 4 }),
      'hosts[1].cpus',
      /cpus/,
    ],
    [
      'an unknown policy',
      (d) => Object.assign(d.domains[2]?.policy ?? {}, { near: 1 }),
      'domains[2].policy.near',
      /near/,
    ],
    [
      'an unknown host',
      (d) => Object.assign(d.domains[0] ?? {}, { host: 'h9' }),
      'domains[0].host',
      /"h9"/,
    ],
    [
      'an unknown pin',
      (d) => Object.assign(d.domains[2]?.policy ?? {}, { pin: ['h9'] }),
      'domains[2].policy.pin[0]',
      /"h9"/,
    ],
    [
      'an unknown domain in the traffic',
      (d) => Object.assign(d.traffic[1] ?? {}, { b: 'vm9' }),
      'traffic[1].b',
      /"vm9"/,
    ],
    [
      'an unknown domain in the timeline',
      (d) => Object.assign(d.timeline[0]?.traffic[0] ?? {}, { a: 'vm9' }),
      'timeline[0].traffic[0].a',
      /"vm9"/,
    ],
    [
      'a domain that talks to itself',
      (d) => Object.assign(d.traffic[0] ?? {}, { b: 'vm0' }),
      'traffic[0]',
      /itself/,
    ],
    [
      'a negative rate',
      (d) => Object.assign(d.traffic[0] ?? {}, { bitsPerSecond: -1 }),
      'traffic[0].bitsPerSecond',
      />=\s?0/,
    ],
    [
      'negative memory',
      (d) => Object.assign(d.domains[3] ?? {}, { memoryBytes: -1 }),
      'domains[3].memoryBytes',
      />=\s?0/,
    ],
    [
      'an id that is used twice',
      (d) => Object.assign(d.domains[1] ?? {}, { id: 'vm0' }),
      'domains[1].id',
      /twice/,
    ],
    [
      'a host that is listed twice',
      (d) => Object.assign(d.hosts[2] ?? {}, { id: 'h0' }),
      'hosts[2].id',
      /twice/,
    ],
    [
      'a domain called external',
      (d) => Object.assign(d.domains[3] ?? {}, { id: 'external' }),
      'domains[3].id',
      /outside/,
    ],
    [
      'memory overcommitted',
      (d) => Object.assign(d.domains[3] ?? {}, { memoryBytes: 7 * GiB }),
      'hosts[2].memoryBytes',
      /overcommitted/,
    ],
    [
      'CPUs overcommitted',
      (d) => Object.assign(d.domains[3] ?? {}, { vcpus: 16 }),
      'hosts[2].vcpus',
      /overcommitted/,
    ],
    ['too few distances', (d) => d.distance.splice(2), 'distance', /2 location levels need 4/],
    ['distances that shrink', (d) => d.distance.splice(2, 1, 0.5), 'distance[2]', /never shrink/],
    ['another version', (d) => Object.assign(d, { version: 2 }), 'version', /1/],
  ];

  it.each(mistakes)('refuses %s, and says where', (_name, change, path, message) => {
    const problem = problemsOf(change).find((entry) => entry.path === path);
    expect(problem?.message).toMatch(message);
  });

  it('reports every problem at once', () => {
    const problems = problemsOf((document) => {
      Object.assign(document.domains[0] ?? {}, { host: 'h9' });
      Object.assign(document.traffic[0] ?? {}, { a: 'vm9' });
    });
    expect(problems.map((problem) => problem.path)).toEqual(['domains[0].host', 'traffic[0].a']);
  });

  it('reports wrong shapes and wrong references together', () => {
    const problems = problemsOf((document) => {
      Object.assign(document.hosts[0] ?? {}, { nicBitsPerSecond: -5, speed: 1 });
      Object.assign(document.domains[0] ?? {}, { host: 'h9' });
      Object.assign(document.domains[1] ?? {}, { memoryBytes: '2 GiB' });
      Object.assign(document.domains[3] ?? {}, { memoryBytes: 7 * GiB });
      Object.assign(document.timeline[0] ?? {}, { domains: [{ id: 'vm8', cpu: 1 }] });
    });
    expect(problems.map((problem) => problem.path).sort()).toEqual([
      'domains[0].host',
      'domains[1].memoryBytes',
      'hosts[0].nicBitsPerSecond',
      'hosts[0].speed',
      'hosts[2].memoryBytes',
      'timeline[0].domains[0].id',
    ]);
  });

  it('takes changes of CPU load in the timeline, each domain once', () => {
    const document = exampleDocument();
    Object.assign(document.timeline[0] ?? {}, { domains: [{ id: 'vm0', cpu: 2.5 }] });
    const result = parseCluster(document);
    expect(result.ok && result.value.timeline[0]?.domains).toEqual([{ id: 'vm0', cpu: 2.5 }]);
    const twice = problemsOf((d) =>
      Object.assign(d.timeline[0] ?? {}, {
        domains: [
          { id: 'vm0', cpu: 1 },
          { id: 'vm0', cpu: 2 },
        ],
      }),
    );
    expect(twice.map(({ path }) => path)).toEqual(['timeline[0].domains[1].id']);
  });

  it('refuses what is not JSON with one sentence', () => {
    const result = parseClusterFile('{ "version": 1,');
    expect(result.ok ? '' : result.message).toMatch(/not JSON/);
  });

  it('is read back as it was written', () => {
    const first = parseClusterFile(JSON.stringify(exampleDocument()));
    if (!first.ok) throw new Error(first.message);
    const second = parseClusterFile(formatClusterFile(first.value));
    expect(second).toEqual(first);
  });

  it('answers any JSON with a result, never an exception', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseClusterFile(text).ok).toBe(false);
      }),
    );
  });
});
