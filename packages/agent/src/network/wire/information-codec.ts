/**
 * Where domains are, on the wire. Many domains of a message share a few hosts, so hosts are named once, in a
 * table, and by their number in it everywhere else.
 */

import type { DomainId, HostId, HostPlace, Location, Message, Whereabouts } from '@barter/core';
import { type Codec, count, fault, mapped, text } from './codec.ts';
import { list, message, one } from './fields.ts';
import { limits } from './limits.ts';
import { domainId, hostId, Table } from './model-codec.ts';

type Announce = Omit<Extract<Message, { kind: 'announce' }>, 'kind'>;
type Found = Omit<Extract<Message, { kind: 'found' }>, 'kind'>;

type WireNotice = Readonly<{
  domain: DomainId;
  name: string;
  holder: number;
  version: number;
  addresses: readonly string[];
}>;
type WireWhereabouts = WireNotice & Readonly<{ home: number }>;
type WirePlace = Readonly<{ host: number; name: string; location: Location }>;

const noticeFields = {
  domain: one(1, domainId),
  name: one(2, text(limits.name)),
  holder: one(3, count),
  version: one(4, count),
  addresses: list(5, text(limits.macAddress), limits.macAddresses),
} as const;

const hosts = list(2, hostId, limits.notices);

export const announce: Codec<Announce> = mapped(
  message<{ id: number; hosts: readonly HostId[]; domains: readonly WireNotice[] }>('Announce', {
    id: one(1, count),
    hosts,
    domains: list(3, message<WireNotice>('DomainNotice', noticeFields), limits.sought),
  }),
  ({ id, domains }) => {
    const table = new Table<HostId>();
    const rest = domains.map((each) => ({
      ...each,
      holder: table.number(each.holder, each.holder),
    }));
    return { id, hosts: table.values, domains: rest };
  },
  ({ id, hosts: named, domains }) => ({
    id,
    domains: domains.map((each) => ({ ...each, holder: hostAt(named, each.holder) })),
  }),
);

type WireFound = Readonly<{
  id: number;
  hosts: readonly HostId[];
  domains: readonly WireWhereabouts[];
  unknown: readonly DomainId[];
  places: readonly WirePlace[];
}>;

const wireFound = message<WireFound>('Found', {
  id: one(1, count),
  hosts,
  domains: list(
    3,
    message<WireWhereabouts>('Whereabouts', { ...noticeFields, home: one(6, count) }),
    limits.sought,
  ),
  unknown: list(4, domainId, limits.sought),
  places: list(
    5,
    message<WirePlace>('HostPlace', {
      host: one(1, count),
      name: one(2, text(limits.name)),
      location: list(3, text(limits.name), limits.locationLevels),
    }),
    limits.notices,
  ),
});

export const found: Codec<Found> = mapped(
  wireFound,
  ({ id, domains, unknown, places }) => {
    const table = new Table<HostId>();
    const number = (host: HostId) => table.number(host, host);
    return {
      id,
      unknown,
      domains: domains.map((each) => ({
        ...each,
        home: number(each.home),
        holder: number(each.holder),
      })),
      places: places.map((place) => ({ ...place, host: number(place.host) })),
      hosts: table.values,
    };
  },
  ({ hosts: named, domains, places, ...rest }) => ({
    ...rest,
    domains: domains.map(
      (each): Whereabouts => ({
        ...each,
        home: hostAt(named, each.home),
        holder: hostAt(named, each.holder),
      }),
    ),
    places: places.map((place): HostPlace => ({ ...place, host: hostAt(named, place.host) })),
  }),
);

function hostAt(named: readonly HostId[], number: number): HostId {
  return named[number] ?? fault(`host ${number} is not in the table`);
}
