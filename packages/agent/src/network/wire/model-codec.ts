/**
 * Books, offers and load summaries on the wire.
 *
 * A book of 200 claims with 32 partners each names the same ids thousands of times. So on the wire it
 * carries every id and location once, in a table, and numbers that point into it: 0.3 MB instead of 1.1.
 */

import type {
  Book,
  Claim,
  DomainId,
  DomainTraits,
  HostCapacity,
  HostId,
  HostLoad,
  HostRoom,
  LoadSummary,
  Location,
  Offer,
  Policy,
  Rate,
} from '@barter/core';
import { amount, type Codec, count, fault, flag, mapped, text, word } from './codec.ts';
import { list, message, one, optional } from './fields.ts';
import { limits } from './limits.ts';

export const hostId = text<HostId>(limits.host, { min: 1 });
export const domainId = text<DomainId>(limits.id, { min: 1 });
const level = text(limits.name);

const pins: Codec<readonly string[]> = mapped(
  message<{ hosts: readonly string[] }>('Pins', {
    hosts: list(1, text(limits.name), limits.pins),
  }),
  (hosts) => ({ hosts }),
  ({ hosts }) => hosts,
);

/** `frozen` is true or absent in a policy: false on the wire is read as absent. */
type WirePolicy = Readonly<{
  frozen: boolean;
  pin?: readonly string[];
  keepApart?: string;
  keepTogether?: string;
}>;

export const policy: Codec<Policy> = mapped(
  message<WirePolicy>('Policy', {
    frozen: one(1, flag),
    pin: optional(2, pins),
    keepApart: optional(3, text(limits.name)),
    keepTogether: optional(4, text(limits.name)),
  }),
  ({ frozen, ...rest }) => ({ ...rest, frozen: frozen === true }),
  ({ frozen, ...rest }) => (frozen ? { ...rest, frozen } : rest),
);

export const capacity = message<HostCapacity>('HostCapacity', {
  memoryBytes: one(1, amount),
  vcpus: one(2, amount),
  nicBitsPerSecond: one(3, amount),
  memoryLimitBytes: one(4, amount),
  vcpuLimit: one(5, amount),
  memoryTransientBytes: one(6, amount),
});

export const load = message<HostLoad>('HostLoad', {
  memoryBytes: one(1, amount),
  vcpus: one(2, amount),
  cpu: one(3, amount),
  nicBitsPerSecond: one(4, amount),
});

export const traits = message<DomainTraits>('DomainTraits', {
  name: one(1, text(limits.name)),
  memoryBytes: one(2, amount),
  vcpus: one(3, amount),
  cpu: one(4, amount),
  dirtyBytesPerSecond: one(5, amount),
  migrationBytes: one(6, amount),
  policy: one(7, policy),
});

export const claim = message<Claim>('Claim', {
  domain: one(1, domainId),
  home: one(2, hostId),
  holder: one(3, hostId),
  version: one(4, count),
});

const rate = message<Rate>('Rate', {
  partner: one(1, text<DomainId | 'external'>(limits.id, { min: 1 })),
  bitsPerSecond: one(2, amount),
});

/** An offer outside a book (in `renewed`): few enough to be written out. */
export const offer = message<Offer>('Offer', {
  claim: one(1, claim),
  traits: one(2, traits),
  row: list(3, rate, limits.rates),
});

const place: Codec<Location> = mapped(
  message<{ levels: Location }>('Location', {
    levels: list(1, level, limits.locationLevels),
  }),
  (levels) => ({ levels }),
  ({ levels }) => levels,
);

type WireRate = Readonly<{ partner: number; bitsPerSecond: number }>;
type WireOffer = Readonly<{
  domain: number;
  home: number;
  holder: number;
  version: number;
  traits: DomainTraits;
  row: readonly WireRate[];
}>;
type WirePartner = Readonly<{
  domain: number;
  holder: number;
  location: number;
  version: number;
  home?: number;
}>;
type WireBook = Readonly<{
  ids: readonly string[];
  locations: readonly Location[];
  host: HostId;
  name: string;
  location: Location;
  capacity: HostCapacity;
  load: HostLoad;
  offers: readonly WireOffer[];
  fixedApart: readonly string[];
  fixedTogether: readonly string[];
  partners: readonly WirePartner[];
  revision?: number;
}>;

const bookRate = message<WireRate>('BookRate', {
  partner: one(1, count),
  bitsPerSecond: one(2, amount),
});

const bookOffer = message<WireOffer>('BookOffer', {
  domain: one(1, count),
  home: one(2, count),
  holder: one(3, count),
  version: one(4, count),
  traits: one(5, traits),
  row: list(6, bookRate, limits.rates),
});

const bookPartner = message<WirePartner>('BookPartner', {
  domain: one(1, count),
  holder: one(2, count),
  location: one(3, count),
  version: one(4, count),
  home: optional(5, count),
});

const wireBook = message<WireBook>('Book', {
  ids: list(1, text(limits.id, { min: 1 }), limits.references),
  locations: list(2, place, limits.references),
  host: one(3, hostId),
  name: one(4, text(limits.name)),
  location: list(5, level, limits.locationLevels),
  capacity: one(6, capacity),
  load: one(7, load),
  offers: list(8, bookOffer, limits.offers),
  fixedApart: list(9, text(limits.name), limits.groups),
  fixedTogether: list(10, text(limits.name), limits.groups),
  partners: list(11, bookPartner, limits.partners),
  revision: optional(12, count),
});

/** Numbers the distinct values of a table in the order in which they are first asked for. */
export class Table<Value> {
  readonly values: Value[] = [];
  readonly #numbers = new Map<string, number>();

  number(key: string, value: Value): number {
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.#numbers.set(key, this.values.length);
    return this.values.push(value) - 1;
  }
}

function toWire(book: Book): WireBook {
  const ids = new Table<string>();
  const locations = new Table<Location>();
  const id = (value: string) => ids.number(value, value);
  const { fixed, offers, partners, ...rest } = book;
  return {
    ...rest,
    ids: ids.values,
    locations: locations.values,
    offers: offers.map(({ claim, traits, row }) => ({
      domain: id(claim.domain),
      home: id(claim.home),
      holder: id(claim.holder),
      version: claim.version,
      traits,
      row: row.map(({ partner, bitsPerSecond }) => ({ partner: id(partner), bitsPerSecond })),
    })),
    fixedApart: fixed.keepApart,
    fixedTogether: fixed.keepTogether,
    partners: partners.map((partner) => ({
      domain: id(partner.domain),
      holder: id(partner.holder),
      location: locations.number(JSON.stringify(partner.location), partner.location),
      version: partner.version,
      ...(partner.home === undefined ? {} : { home: id(partner.home) }),
    })),
  };
}

function fromWire(wire: WireBook): Book {
  const { ids, locations, fixedApart, fixedTogether, offers, partners, ...rest } = wire;
  const id = <Id extends string>(number: number) =>
    (ids[number] ?? fault(`id ${number} is not in the table`)) as Id;
  return {
    ...rest,
    offers: offers.map(({ domain, home, holder, version, traits, row }) => ({
      claim: { domain: id(domain), home: id(home), holder: id(holder), version },
      traits,
      row: row.map(({ partner, bitsPerSecond }) => ({ partner: id(partner), bitsPerSecond })),
    })),
    fixed: { keepApart: fixedApart, keepTogether: fixedTogether },
    partners: partners.map(({ domain, holder, location, version, home }) => ({
      domain: id(domain),
      holder: id(holder),
      location: locations[location] ?? fault(`location ${location} is not in the table`),
      version,
      ...(home === undefined ? {} : { home: id(home) }),
    })),
  };
}

export const book: Codec<Book> = mapped(wireBook, toWire, fromWire);

const room = message<HostRoom>('HostRoom', { memoryBytes: one(1, amount), vcpus: one(2, amount) });

export const loadSummary = message<LoadSummary>('LoadSummary', {
  host: one(1, hostId),
  name: one(2, text(limits.name)),
  sequence: one(3, count),
  location: list(4, level, limits.locationLevels),
  mode: one(5, word('observe', 'advise', 'auto')),
  stopped: one(6, flag),
  capacity: one(7, capacity),
  load: one(8, load),
  measured: one(9, flag),
  domains: one(10, count),
  revision: one(11, count),
  tradedMsAgo: one(12, amount),
  room: optional(13, room),
});
