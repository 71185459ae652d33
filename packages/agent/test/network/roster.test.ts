import type { HostId } from '@barter/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  mergeEntries,
  proofOf,
  type Roster,
  startRoster,
  validEntriesBy,
} from '../../src/network/roster.ts';
import type { Entry, EntryBody } from '../../src/network/roster-entry.ts';

const host = (name: string) => name as HostId;

/** An entry as if its signature had been checked; the number makes its hash, and so its order, random. */
function entry(number: number, body: EntryBody): Entry {
  const hash = `${(number * 7919) % 100_003}-${number}`.padStart(12, '0');
  return { hash, body, bytes: new Uint8Array() };
}

const founder = entry(0, {
  kind: 'found',
  by: host('root'),
  atMs: 0,
  name: 'root',
  clusterName: 'test',
  nonce: 'n',
});

/** A cluster whose story is told one signed entry at a time. */
class Story {
  roster = startRoster(founder) as Roster;
  #number = 0;

  admit(by: string, peer: string): Entry {
    return this.#take({ kind: 'admit', ...this.#signed(by), peer: host(peer), name: peer });
  }

  /** As an honest member does it: all that the expelled one signed so far is honoured. */
  expel(by: string, peer: string, honoured = validEntriesBy(this.roster, host(peer))): Entry {
    return this.#take({ kind: 'expel', ...this.#signed(by), peer: host(peer), honoured });
  }

  members(): string[] {
    return [...this.roster.members.keys()].sort();
  }

  #signed(by: string) {
    return { cluster: founder.hash, by: host(by), atMs: 1 };
  }

  #take(body: EntryBody): Entry {
    this.#number += 1;
    const made = entry(this.#number, body);
    this.roster = mergeEntries(this.roster, [made]).roster;
    return made;
  }
}

describe('a chain of signatures leads from the founder to every member', () => {
  test('members let others in; who was let in by nobody is no member', () => {
    const story = new Story();
    story.admit('root', 'a');
    story.admit('a', 'b');
    story.admit('stranger', 'friend');
    expect(story.members()).toEqual(['a', 'b', 'root']);
    expect(story.roster.entries.size).toBe(3);
    expect(proofOf(story.roster, host('b')).map(({ body }) => body.kind)).toEqual([
      'found',
      'admit',
      'admit',
    ]);
    expect(proofOf(story.roster, host('friend'))).toEqual([]);
  });

  test('entries of another cluster mean nothing', () => {
    const story = new Story();
    const foreign = entry(99, {
      kind: 'admit',
      cluster: 'another',
      by: host('root'),
      atMs: 1,
      peer: host('a'),
      name: 'a',
    });
    expect(mergeEntries(story.roster, [foreign]).added).toEqual([]);
  });
});

describe('a member that is expelled', () => {
  test('is out for ever, and whom it let in before stays', () => {
    const story = new Story();
    story.admit('root', 'a');
    story.admit('a', 'b');
    story.expel('root', 'a');
    expect(story.members()).toEqual(['b', 'root']);
    story.admit('root', 'a');
    expect(story.members()).toEqual(['b', 'root']);
  });

  test('has no effect with what it signs afterwards, in whatever order that arrives', () => {
    const story = new Story();
    story.admit('root', 'a');
    story.admit('a', 'b');
    story.expel('root', 'a');
    const before = story.members();
    story.admit('a', 'late friend');
    story.expel('a', 'b');
    story.expel('a', 'root');
    expect(story.members()).toEqual(before);
  });

  test('takes along whom its expulsion does not honour', () => {
    const story = new Story();
    story.admit('root', 'a');
    const honoured = story.admit('a', 'b');
    story.admit('a', 'spy');
    story.expel('root', 'a', [honoured.hash]);
    expect(story.members()).toEqual(['b', 'root']);
  });

  test('may be the founder: the cluster goes on with whom it let in', () => {
    const story = new Story();
    story.admit('root', 'a');
    story.admit('root', 'b');
    story.expel('a', 'root');
    expect(story.members()).toEqual(['a', 'b']);
    story.admit('b', 'c');
    expect(story.members()).toEqual(['a', 'b', 'c']);
    expect(proofOf(story.roster, host('c'))).toHaveLength(3);
  });
});

test('of two members that expel each other the senior stays, whoever is heard first', () => {
  for (const first of ['root', 'a']) {
    const story = new Story();
    story.admit('root', 'a');
    const letIn = story.admit('a', 'b');
    const [earlier, later] = first === 'root' ? ['root', 'a'] : ['a', 'root'];
    story.expel(earlier, later, [letIn.hash]);
    story.expel(later, earlier, [letIn.hash]);
    expect(story.members(), `${first} first`).toEqual(['b', 'root']);
  }
});

test('a roster that is full forgets what has no effect, and then takes nothing new', () => {
  const story = new Story();
  story.admit('root', 'a');
  const many = Array.from({ length: 4094 }, (_, index) =>
    entry(1000 + index, {
      kind: 'admit',
      cluster: founder.hash,
      by: host('a'),
      atMs: 1,
      peer: host(`p${index}`),
      name: '',
    }),
  );
  story.roster = mergeEntries(story.roster, many).roster;
  expect(story.roster.entries.size).toBe(4096);
  const b = story.admit('root', 'b');
  expect(story.roster.entries.has(b.hash)).toBe(false);
  expect(mergeEntries(story.roster, [b]).refused).toBe(1);
  // An expulsion that voids what filled it makes room, also for itself.
  story.expel('root', 'a', []);
  expect(story.members()).toEqual(['root']);
  story.admit('root', 'b');
  expect(story.members()).toEqual(['b', 'root']);
});

describe('agents that hold the same entries agree', () => {
  const names = ['root', 'a', 'b', 'c', 'd', 'e'];
  const step = fc.record({
    kind: fc.constantFrom('admit' as const, 'admit' as const, 'expel' as const),
    by: fc.constantFrom(...names),
    peer: fc.constantFrom(...names),
    /** Which of the signer's entries so far an expulsion honours. */
    honours: fc.array(fc.boolean(), { maxLength: 12 }),
  });
  /** Any history, honest or not, and three agents that each know an arbitrary part of it. */
  const world = fc.record({
    steps: fc.array(step, { maxLength: 14 }),
    known: fc.array(fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()), {
      minLength: 14,
      maxLength: 14,
    }),
  });
  type World = typeof world extends fc.Arbitrary<infer Type> ? Type : never;

  function entriesOf({ steps }: World): Entry[] {
    const entries: Entry[] = [];
    for (const [index, { kind, by, peer, honours }] of steps.entries()) {
      const signed = { cluster: founder.hash, by: host(by), atMs: index, peer: host(peer) };
      const theirs = entries.filter(({ body }) => body.by === peer);
      const honoured = theirs.filter((_, at) => honours[at] === true).map(({ hash }) => hash);
      const body: EntryBody =
        kind === 'admit'
          ? { kind: 'admit', ...signed, name: peer }
          : { kind: 'expel', ...signed, honoured };
      entries.push(entry(index + 1, body));
    }
    return entries;
  }

  const empty = startRoster(founder) as Roster;
  const rosterOf = (entries: readonly Entry[]) => mergeEntries(empty, entries).roster;
  const merge = (a: Roster, b: Roster) => mergeEntries(a, b.order).roster;
  const shown = (roster: Roster) => ({
    entries: roster.order.map(({ hash }) => hash),
    members: [...roster.members.values()],
    expelled: [...roster.expelled].sort(),
  });
  const agents = (drawn: World) => {
    const entries = entriesOf(drawn);
    return [0, 1, 2].map((agent) =>
      rosterOf(entries.filter((_, index) => drawn.known[index]?.[agent] === true)),
    ) as [Roster, Roster, Roster];
  };

  test('whichever of two rosters is merged into the other', () => {
    fc.assert(
      fc.property(world, (drawn) => {
        const [a, b] = agents(drawn);
        expect(shown(merge(a, b))).toEqual(shown(merge(b, a)));
      }),
      { numRuns: 2000 },
    );
  });

  test('in whatever groups three rosters are merged', () => {
    fc.assert(
      fc.property(world, (drawn) => {
        const [a, b, c] = agents(drawn);
        expect(shown(merge(merge(a, b), c))).toEqual(shown(merge(a, merge(b, c))));
      }),
      { numRuns: 2000 },
    );
  });

  test('however often the same is merged', () => {
    fc.assert(
      fc.property(world, (drawn) => {
        const [a, b] = agents(drawn);
        const once = merge(a, b);
        expect(merge(once, b)).toBe(once);
        expect(merge(a, a)).toBe(a);
      }),
      { numRuns: 500 },
    );
  });

  test('and a proof of membership from one is enough for any other that has not expelled anybody', () => {
    fc.assert(
      fc.property(world, (drawn) => {
        const [a] = agents(drawn);
        for (const member of a.members.keys()) {
          const proof = proofOf(a, member);
          expect(rosterOf(proof).members.has(member)).toBe(true);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('and nobody is a member without a chain of entries to the founder', () => {
    fc.assert(
      fc.property(world, (drawn) => {
        const [a] = agents(drawn);
        for (const { host: member, admittedBy } of a.members.values()) {
          const isRoot = member === founder.body.by;
          expect(isRoot || a.admissions.has(admittedBy), member).toBe(true);
          expect(a.expelled.has(member)).toBe(false);
        }
      }),
      { numRuns: 500 },
    );
  });

  test('when entries come one at a time, twice and in any order, after the next exchange', () => {
    const orders = fc.array(fc.nat(), { minLength: 28, maxLength: 28 });
    fc.assert(
      fc.property(world, orders, (drawn, keys) => {
        const entries = entriesOf(drawn);
        const late = [...entries, ...entries]
          .map((each, index) => ({ each, key: keys[index] ?? 0 }))
          .sort((one, other) => one.key - other.key)
          .map(({ each }) => each);
        let roster = empty;
        // Those whose signer is not known yet are not kept; they come again when two agents connect.
        for (const each of late) roster = mergeEntries(roster, [each]).roster;
        expect(shown(merge(roster, rosterOf(entries)))).toEqual(shown(rosterOf(entries)));
      }),
      { numRuns: 2000 },
    );
  });

  test('whatever an expelled member signs afterwards, and wherever in between it arrives', () => {
    fc.assert(
      fc.property(world, fc.array(step, { maxLength: 6 }), fc.nat(), (drawn, later, at) => {
        const history = entriesOf(drawn).filter(({ body }) => body.kind === 'admit');
        const honoured = history.filter(({ body }) => body.by === 'a').map(({ hash }) => hash);
        const by = host('root');
        const expulsion = entry(500, {
          kind: 'expel',
          cluster: founder.hash,
          by,
          atMs: 99,
          peer: host('a'),
          honoured,
        });
        const story = [...history, expulsion];
        const signedLate = later.map(({ kind, peer }, index) => {
          const signed = { cluster: founder.hash, by: host('a'), atMs: 100, peer: host(peer) };
          return entry(
            600 + index,
            kind === 'admit'
              ? { kind, ...signed, name: 'late' }
              : { kind, ...signed, honoured: [] },
          );
        });
        const place = at % (story.length + 1);
        const mixed = [...story.slice(0, place), ...signedLate, ...story.slice(place)];
        expect([...rosterOf(mixed).members.keys()].sort()).toEqual(
          [...rosterOf(story).members.keys()].sort(),
        );
      }),
      { numRuns: 2000 },
    );
  });
});
