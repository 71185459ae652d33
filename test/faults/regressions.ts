/**
 * Seeds beyond the first ones on which a rule, or its checker, was once wrong, and what it was about. A seed tells the same story only as long as
 * `plan.ts` and the injectors draw the same numbers: for a defect that has to stay away whatever becomes of
 * them, `test/mutants` has the defect itself.
 */

export const regressions: readonly Readonly<{ seed: number; what: string }>[] = [
  { seed: 681, what: 'a home that asks late hears that its domain arrived, and has gone on since' },
  { seed: 708, what: 'a rule that is made after the order is not held against it' },
  {
    seed: 3316,
    what: 'a domain that was moved away while its home cannot measure counts where it is',
  },
  { seed: 1886, what: 'a deal gets no more time however often its proposer starts again' },
  { seed: 930, what: 'a claim that its home has taken back counts in no group' },
  { seed: 1594, what: 'a domain that came back while its old copy was to be taken away has moved' },
  { seed: 3433, what: 'what waits for the order of a host that is gone for ever takes its room' },
  {
    seed: 570,
    what: 'one of a group is not asked for where the other one cannot be taken',
  },
  {
    seed: 3510,
    what: 'what a host held of one that is gone for ever is not there any more, for its load and for its peers',
  },
  { seed: 5277, what: 'of a group some have come, and a deal over all of it turned out void' },
  {
    seed: 1852,
    what: 'room is kept for a copy that waits, and its home has forgotten the migration',
  },
  { seed: 6819, what: 'nothing comes near a partner that its holder holds no more' },
  {
    seed: 2102,
    what: 'what its target has refused for good never came there, although no host knows it any more',
  },
  {
    seed: 5319,
    what: 'what follows its group does not go by a policy that was changed while it migrated',
  },
  {
    seed: 40829,
    what: 'a target that is gone for ever had said that the domain ran there and went on: its home keeps no definition',
  },
  { seed: 62606, what: 'two copies of one domain wait on two targets' },
  {
    seed: 70356,
    what: 'an agent that has just started lets nothing in beside one of its keep-apart group',
  },
  {
    seed: 72610,
    what: 'a home promises what an administrator has moved a moment before, and cannot know',
  },
  {
    seed: 87675,
    what: 'nobody believes for ever, on its own word that came back to it, that a VM is where it was',
  },
  {
    seed: 90250,
    what: 'an operator takes away the definition that a host which is gone for ever leaves in doubt',
  },
  {
    seed: 140075,
    what: 'the others of a group stay while one may still come although its claim has lapsed',
  },
  {
    seed: 160047,
    what: 'a home says that a migration has ended there, and its guest was shut down a moment before',
  },
  {
    seed: 163144,
    what: 'a copy waits at its target for an operator while an administrator has shut the domain down',
  },
];
