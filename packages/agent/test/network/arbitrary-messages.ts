/** Every message and load summary that the core can say, as fast-check arbitraries. */

import type {
  Book,
  Claim,
  DealId,
  DomainId,
  DomainTraits,
  HostCapacity,
  HostId,
  HostLoad,
  LoadSummary,
  Location,
  Message,
  Offer,
  Policy,
  SettlementId,
  TrafficRow,
} from '@barter/core';
import fc from 'fast-check';

type Of<Type> = fc.Arbitrary<Type>;

/** Well-formed text: a lone surrogate does not survive UTF-8. */
const text = (maxLength: number, minLength = 0) =>
  fc.string({ unit: 'grapheme', minLength, maxLength }).filter((each) => each.length <= maxLength);
const id = <Id extends string>() =>
  fc.oneof(fc.uuid(), text(20, 1)) as fc.Arbitrary<string> as Of<Id>;
const amount = fc.oneof(
  fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }).map((each) => each + 0),
  fc.nat(),
);
const finite = fc.double({ noNaN: true, noDefaultInfinity: true }).map((each) => each + 0);
const version = fc.oneof(fc.nat(), fc.maxSafeNat());
const list = <Item>(item: Of<Item>, maxLength = 5) => fc.array(item, { maxLength });

const policy: Of<Policy> = fc.record(
  {
    frozen: fc.constant(true as const),
    pin: list(text(10)),
    keepApart: text(10),
    keepTogether: text(10),
  },
  { requiredKeys: [] },
);
const location: Of<Location> = list(text(10), 3);
const capacity: Of<HostCapacity> = fc.record({
  memoryBytes: amount,
  vcpus: amount,
  nicBitsPerSecond: amount,
  memoryLimitBytes: amount,
  vcpuLimit: amount,
  memoryTransientBytes: amount,
});
const load: Of<HostLoad> = fc.record({
  memoryBytes: amount,
  vcpus: amount,
  cpu: amount,
  nicBitsPerSecond: amount,
});
const traits: Of<DomainTraits> = fc.record({
  name: text(20),
  memoryBytes: amount,
  vcpus: amount,
  cpu: amount,
  dirtyBytesPerSecond: amount,
  migrationBytes: amount,
  policy,
});
const claim: Of<Claim> = fc.record({
  domain: id<DomainId>(),
  home: id<HostId>(),
  holder: id<HostId>(),
  version,
});
const row: Of<TrafficRow> = list(
  fc.record({
    partner: fc.oneof(fc.constant('external' as const), id<DomainId>()),
    bitsPerSecond: amount,
  }),
);
const offer: Of<Offer> = fc.record({ claim, traits, row });
export const book: Of<Book> = fc.record(
  {
    host: id<HostId>(),
    name: text(20),
    location,
    capacity,
    load,
    offers: list(offer),
    fixed: fc.record({ keepApart: list(text(10)), keepTogether: list(text(10)) }),
    partners: list(
      fc.record(
        {
          domain: id<DomainId>(),
          holder: id<HostId>(),
          location,
          version,
          home: id<HostId>(),
        },
        { requiredKeys: ['domain', 'holder', 'location', 'version'] },
      ),
    ),
    revision: version,
  },
  { requiredKeys: ['host', 'name', 'location', 'capacity', 'load', 'offers', 'fixed', 'partners'] },
);

const told = {
  host: id<HostId>(),
  name: text(20),
  sequence: version,
  location,
  mode: fc.constantFrom('observe', 'advise', 'auto'),
  stopped: fc.boolean(),
  capacity,
  load,
  measured: fc.boolean(),
  domains: fc.nat(),
  revision: fc.nat(),
  tradedMsAgo: amount,
};

/** With the room that is left there, or from an older version, without. */
export const summary: Of<LoadSummary> = fc.oneof(
  fc.record(told),
  fc.record({ ...told, room: fc.record({ memoryBytes: amount, vcpus: amount }) }),
);

const notice = {
  domain: id<DomainId>(),
  name: text(20),
  holder: id<HostId>(),
  version,
  addresses: list(text(17)),
};

const deal = id<DealId>();
const domain = id<DomainId>();
const settlement = id<SettlementId>();
const detail = text(60);
const kind = <Kind extends Message['kind']>(
  name: Kind,
  body: { [Key in keyof Omit<Extract<Message, { kind: Kind }>, 'kind'>]-?: Of<unknown> },
  requiredKeys?: string[],
): Of<Message> =>
  fc.record(
    { kind: fc.constant(name), ...body },
    { requiredKeys: ['kind', ...(requiredKeys ?? Object.keys(body))] as never },
  ) as unknown as Of<Message>;

export const message: Of<Message> = fc.oneof(
  kind('propose', { deal, expiresInMs: amount, book, meeting: domain }, [
    'deal',
    'expiresInMs',
    'book',
  ]),
  kind('accept', {
    deal,
    exchange: fc.record({ give: list(domain), take: list(domain) }),
    book,
    gainBitsPerSecond: finite,
  }),
  kind(
    'decline',
    {
      deal,
      reason: fc.constantFrom(
        'busy',
        'no-gain',
        'not-trading',
        'not-measured',
        'backed-off',
        'refused',
      ),
      detail,
      revision: version,
    },
    ['deal', 'reason', 'detail'],
  ),
  kind('commit', { deal }),
  kind('abort', { deal, detail }),
  kind('inquire', { deal }),
  kind('acknowledge', { deal }),
  kind('void', { deal }),
  kind('transfer', { domain, version, to: id<HostId>(), deal }),
  kind('transferred', { domain, version }),
  kind('renew', { domain, version }),
  kind('renewed', { domain, version, leaseMs: amount, offer }),
  kind('revoked', { domain, version, detail }),
  kind('hurry', { domain, version, urgencyPerByte: amount }),
  kind('settle', { settlement, domain, version, leaseMs: amount }),
  kind('settling', { settlement, domain }),
  kind('refuse', {
    settlement,
    domain,
    reason: fc.constantFrom('not-holder', 'mode', 'needs-approval', 'stopped', 'busy', 'policy'),
    detail,
  }),
  kind(
    'settled',
    {
      settlement,
      domain,
      moved: fc.boolean(),
      detail,
      statistics: fc.record({ bytes: amount, durationMs: amount, downtimeMs: amount }),
    },
    ['settlement', 'domain', 'moved', 'detail'],
  ),
  kind('query', { settlement, domain, version }),
  kind('locate', { settlement, domain, question: version, giveUp: fc.boolean() }),
  kind('located', {
    settlement,
    domain,
    presence: fc.constantFrom('running', 'paused', 'arriving', 'absent'),
    arrival: fc.constantFrom('open', 'refused', 'arrived', 'unclear'),
    question: version,
  }),
  kind('summary', { summary, answer: fc.boolean() }),
  kind('announce', { id: version, domains: list(fc.record(notice)) }),
  kind('seek', { domains: list(domain), addresses: list(text(17)) }),
  kind('found', {
    id: version,
    domains: list(fc.record({ ...notice, home: id<HostId>() })),
    unknown: list(domain),
    places: list(fc.record({ host: id<HostId>(), name: text(20), location })),
  }),
  kind('nearby', { region: location, location }),
  kind('near', {
    region: location,
    hosts: list(fc.record({ host: id<HostId>(), name: text(20), location })),
  }),
  kind('heard', { id: version, unwatched: list(domain) }),
);
