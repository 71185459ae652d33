/**
 * What one seed decides: the cluster, its load and policies, how its agents are timed, and which faults rage how
 * badly. Most seeds have only some kinds of faults ("swarm"): a run with every fault at once hides what each of
 * them does on its own.
 */

import { type Cluster, parseCluster, type SimClusterOptions, SimRandom } from '@barter/sim';

const GiB = 1024 ** 3;

/** Streams of randomness; the cluster itself uses the small numbers. */
export const streams = {
  plan: 1000,
  crashes: 1001,
  network: 1002,
  clocks: 1003,
  libvirt: 1004,
  administrators: 1005,
  vanishing: 1006,
  liars: 1007,
  load: 1008,
  roundTrips: 1009,
  replays: 1010,
  badMoments: 1011,
  badMomentsPlan: 1012,
  hands: 1013,
  handsAgain: 1014,
  together: 1015,
  togetherLoad: 1016,
} as const;

/** Faults of one kind, as means: each `every` is in seconds for the whole cluster; 0 = never. */
export type Faults = Readonly<{
  network: Readonly<{ loss: number; repetition: number; latencyMs: readonly [number, number] }>;
  /** Probability of a crash before an effect of a deal, a claim or a settlement; and before any other. */
  crashAtEffect: number;
  crashAtOther: number;
  /** Probability that a message that was sent comes once more, long after. */
  replay: number;
  /** Between effects. */
  crashEvery: number;
  downSecondsMax: number;
  diskFailsEvery: number;
  partitionEvery: number;
  partitionSecondsMax: number;
  clockJumpEvery: number;
  clockJumpMsMax: number;
  /** A clock gains or loses up to this share. */
  driftMax: number;
  libvirtDiesEvery: number;
  /** Probability that the next migration goes wrong in some way. */
  migrationFault: number;
  /** Round trips between agents take up to this long. */
  roundTripMsMax: number;
  administratorEvery: number;
  /** Hosts that vanish for ever. */
  vanishing: number;
  lieEvery: number;
  /** Probability that a domain is started anew while an acceptance that takes it is under way. */
  restartAtAccept: number;
  /** Probability that what has arrived goes on while its old home's agent is down and has not seen it. */
  goneUnseen: number;
  /** Probability that a host which has just asked for a domain starts again, its clock set meanwhile. */
  setWhileAsking: number;
  /** Probability that a refusal takes so long that a consent to a later copy of the question overtakes it. */
  lateRefusals: number;
  /** How often the clock is set, and the agent starts again, when a host has just acknowledged a deal that its peer has not heard of. */
  setWhenDone: number;
  /** How often somebody resumes by hand what a migration left paused, while its other copy waits in vain. */
  resumedByHand: number;
  /** Probability that a domain is moved by hand to a third host just as it is called, and its home dies before it finds that out. */
  movedFirst: number;
  /** Probability that such a domain is then moved on, by hand, to the host that had called it in vain. */
  movedOn: number;
  /** A host that trades, renews its claims and never calls a domain, also long after the faults: by its place among the hosts. */
  idler: number | undefined;
  /** Nobody says that a host which has vanished is gone for ever: whoever waits for it waits on. */
  operatorAway: boolean;
}>;

/** `name` is in the policies of its domains. */
export type Group = Readonly<{ name: string; domains: readonly string[] }>;

export type Plan = Readonly<{
  seed: number;
  cluster: Cluster;
  /** Domains that start on one host and are to be kept together, group by group. */
  together: readonly Group[];
  options: SimClusterOptions;
  timing: NonNullable<SimClusterOptions['timing']> & Readonly<Record<'settleLeaseMs', number>>;
  faults: Faults;
  faultySeconds: number;
  loadChangesEvery: number;
}>;

export function drawPlan(seed: number): Plan {
  const random = new SimRandom(seed, streams.plan);
  const between = (low: number, high: number) => low + random.next() * (high - low);
  const sometimes = (share: number, value: () => number) => {
    const drawn = value();
    return random.next() < share ? drawn : 0;
  };
  const { cluster, together } = drawCluster(random, seed);
  const settleLeaseMs = Math.round(between(3_000, 12_000));
  const claimLeaseMs = Math.round(between(20_000, 60_000));
  const timing = {
    summaryEveryMs: 3_000,
    tradeEveryMs: Math.round(between(1_500, 4_000)),
    staleMs: 12_000,
    proposalMs: 4_000,
    inDoubtMs: Math.round(between(6_000, 15_000)),
    committedMs: Math.round(between(15_000, 40_000)),
    claimLeaseMs,
    settleAfterMs: random.next() < 0.2 ? 0 : Math.round(between(1_000, 6_000)),
    settleLeaseMs,
    cooldownMs: Math.round(between(10_000, 40_000)),
    steadyMs: random.next() < 0.8 ? 0 : 5_000,
    backoffMs: 2_000,
    backoffMaxMs: 20_000,
    resendMs: 1_000,
    rowTrustMs: 10_000,
    historyMs: 120_000,
    refreshMs: 20_000,
  };
  const slow = random.next() < 0.3;
  const faults: Faults = {
    network: {
      loss: sometimes(0.7, () => between(0, 0.3)),
      repetition: sometimes(0.6, () => between(0, 0.3)),
      latencyMs: [1, slow ? between(500, 4_000) : between(2, 400)],
    },
    crashAtEffect: sometimes(0.6, () => between(0.003, 0.03)),
    crashAtOther: sometimes(0.3, () => between(0, 0.0005)),
    replay: sometimes(0.4, () => between(0, 0.1)),
    crashEvery: sometimes(0.4, () => between(10, 60)),
    downSecondsMax: between(2, 60),
    diskFailsEvery: sometimes(0.3, () => between(20, 80)),
    partitionEvery: sometimes(0.5, () => between(10, 60)),
    partitionSecondsMax: between(5, 90),
    clockJumpEvery: sometimes(0.35, () => between(15, 60)),
    clockJumpMsMax: 10 ** between(3, 5.6),
    driftMax: sometimes(0.4, () => between(0, 0.05)),
    libvirtDiesEvery: sometimes(0.4, () => between(15, 80)),
    migrationFault: sometimes(0.6, () => between(0.1, 0.7)),
    roundTripMsMax: random.next() < 0.3 ? between(100, 1.2 * settleLeaseMs) : 10,
    administratorEvery: sometimes(0.6, () => between(4, 30)),
    vanishing: sometimes(0.35, () => 1),
    lieEvery: sometimes(0.4, () => between(0.5, 5)),
    ...drawBadMoments(seed),
  };
  return {
    seed,
    cluster,
    together,
    timing,
    options: {
      seed,
      preset: drawPreset(random),
      timing,
      cost: { paybackMs: 60_000, minGainBitsPerSecond: 1e5 },
      migrationsAtOnce: 1 + random.below(2),
      sampleEveryMs: 2_000,
      smoothingSeconds: 4,
      world: { headroom: random.next() < 0.5 ? 0 : 0.1, downtimeMaxMs: 300 },
    },
    faults,
    faultySeconds: Math.round(between(150, 400)),
    loadChangesEvery: between(12, 40),
  };
}

/** Drawn apart, so that seeds tell of everything else what they told before there were these. */
function drawBadMoments(seed: number) {
  const random = new SimRandom(seed, streams.badMomentsPlan);
  const sometimes = (share: number, most: number) =>
    random.next() < share ? most * random.next() : 0;
  return {
    restartAtAccept: sometimes(0.4, 0.15),
    goneUnseen: sometimes(0.3, 0.2),
    setWhileAsking: sometimes(0.2, 0.2),
    lateRefusals: sometimes(0.5, 1),
    operatorAway: random.next() < 0.5,
    setWhenDone: sometimes(0.4, 0.2),
    resumedByHand: sometimes(0.5, 0.8),
    movedFirst: sometimes(0.3, 0.3),
    idler: random.next() < 0.05 ? random.below(3) : undefined,
    movedOn: random.next(),
  };
}

/** `affinity` has no cost but traffic, so that nothing but the limits keeps a host from being overfilled. */
function drawPreset(random: SimRandom): NonNullable<SimClusterOptions['preset']> {
  const drawn = random.next();
  if (drawn < 0.3) return 'affinity';
  return drawn < 0.4 ? 'aggregate' : 'default';
}

function drawCluster(random: SimRandom, seed: number): Pick<Plan, 'cluster' | 'together'> {
  const hostCount = 3 + random.below(3);
  const perHost = 2 + random.below(3);
  // How many domains a host has room for beyond its own: none makes cycles of full hosts.
  const spare = random.below(3);
  const hosts = Array.from({ length: hostCount }, (_, index) => ({
    id: `h${index}`,
    memoryBytes: (perHost + spare) * 2 * GiB,
    vcpus: 4,
    vcpuLimit: random.next() < 0.3 ? 2 * perHost + 2 : 64,
    nicBitsPerSecond: 1e10,
    location: [`rack${index % 2}`],
  }));
  const domains = Array.from({ length: hostCount * perHost }, (_, index) => ({
    id: `vm${index}`,
    host: `h${Math.floor(index / perHost)}`,
    memoryBytes: random.next() < 0.7 ? 2 * GiB : GiB,
    vcpus: 1 + random.below(2),
    cpu: 0.2,
    dirtyBytesPerSecond: random.next() < 0.1 ? 2e9 : 1e7,
    policy: drawPolicy(random, hostCount, Math.floor(index / perHost)),
  }));
  const names = domains.map(({ id }) => id);
  const apart = new SimRandom(seed, streams.together);
  const together = drawGroups(apart, domains);
  const parsed = parseCluster({
    version: 1,
    distance: [0, 1, 3, 5],
    hosts,
    domains: domains.map((domain) => {
      const group = together.find((one) => one.domains.includes(domain.id));
      return group === undefined ? domain : { ...domain, policy: { keepTogether: group.name } };
    }),
    traffic: [...drawTraffic(random, names), ...drawPulls(apart, names, together)],
  });
  if (!parsed.ok) throw new Error(parsed.message);
  return { cluster: parsed.value, together };
}

/** In some seeds, on some hosts, two or three domains that no other rule is about have to stay together. */
function drawGroups(
  random: SimRandom,
  domains: readonly Readonly<{ id: string; host: string; policy: object }>[],
): readonly Group[] {
  if (random.next() >= 0.4) return [];
  const groups: Group[] = [];
  for (const host of new Set(domains.map((domain) => domain.host))) {
    const free = domains.filter(
      (domain) => domain.host === host && Object.keys(domain.policy).length === 0,
    );
    const size = 2 + random.below(2);
    if (random.next() < 0.4 || free.length < 2) continue;
    groups.push({
      name: `whole${groups.length}`,
      domains: shuffle(
        random,
        free.map(({ id }) => id),
      ).slice(0, size),
    });
  }
  return groups;
}

/**
 * What pulls at groups that are kept together: their domains talk to each other, and one of them even more to somebody
 * else, so that the group gains by following it, and it by leaving the group. Drawn apart from all other traffic.
 */
export function drawPulls(random: SimRandom, names: readonly string[], groups: readonly Group[]) {
  const traffic: { a: string; b: string; bitsPerSecond: number }[] = [];
  for (const { domains } of groups) {
    for (const [index, a] of domains.entries())
      for (const b of domains.slice(index + 1))
        traffic.push({ a, b, bitsPerSecond: 2e8 * random.next() });
    const others = names.filter((name) => !domains.includes(name));
    const a = domains[random.below(domains.length)] as string;
    const b = others[random.below(others.length)] as string;
    traffic.push({ a, b, bitsPerSecond: 1e8 * Math.exp(3 * random.next()) });
  }
  return traffic;
}

/** One domain's policy; `home` is where it runs, so that a pin does not contradict the start. */
export function drawPolicy(random: SimRandom, hostCount: number, home: number) {
  const drawn = random.next();
  if (drawn < 0.05) return { frozen: true as const };
  if (drawn < 0.12) return { pin: [`h${home}`, `h${random.below(hostCount)}`] };
  if (drawn < 0.24) return { keepApart: `apart${random.below(2)}` };
  if (drawn < 0.3) return { keepTogether: `together${random.below(2)}` };
  return {};
}

/** A few groups that talk among themselves, spread over the hosts as they come. */
export function drawTraffic(random: SimRandom, names: readonly string[]) {
  const traffic: { a: string; b: string; bitsPerSecond: number }[] = [];
  const shuffled = shuffle(random, names);
  let first = 0;
  while (first < shuffled.length) {
    const group = shuffled.slice(first, first + 2 + random.below(3));
    first += group.length;
    for (const [index, a] of group.entries())
      for (const b of group.slice(index + 1))
        traffic.push({ a, b, bitsPerSecond: 1e8 * Math.exp(3 * random.next()) });
  }
  return traffic;
}

export function shuffle<Item>(random: SimRandom, items: readonly Item[]): Item[] {
  const shuffled = [...items];
  for (let index = shuffled.length - 1; index > 0; index--) {
    const other = random.below(index + 1);
    [shuffled[index], shuffled[other]] = [shuffled[other] as Item, shuffled[index] as Item];
  }
  return shuffled;
}
