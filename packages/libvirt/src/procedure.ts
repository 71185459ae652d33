/** What a procedure is, and how domains travel in its arguments and replies. */

import { formatUuid, parseUuid } from './uuid.ts';
import { XdrReader, XdrWriter } from './xdr.ts';

export const remoteProgram = 0x2000_8086;
export const keepaliveProgram = 0x6b65_6570;
export const protocolVersion = 1;
export const keepaliveProcedure = { ping: 1, pong: 2 } as const;

/** REMOTE_DOMAIN_LIST_MAX and its neighbours. */
export const limit = {
  domains: 16_384,
  networks: 16_384,
  domainStatistics: 262_144,
  statisticsParameters: 16_384,
  jobParameters: 64,
  authenticationTypes: 20,
} as const;

/** The least that a domain takes on the wire: an empty name, a UUID, an id. */
export const domainBytesMin = 24;

/** A domain as libvirt names it. Calls go by `uuid`; `id` is -1 while it is not running. */
export type DomainReference = Readonly<{ name: string; uuid: string; id: number }>;

export type Procedure<Arguments, Reply> = Readonly<{
  name: string;
  number: number;
  encode(args: Arguments): Buffer;
  decode(payload: Buffer): Reply;
}>;

export function procedure<Arguments = void, Reply = void>(
  name: string,
  number: number,
  write: (writer: XdrWriter, args: Arguments) => unknown,
  read: (reader: XdrReader) => Reply,
): Procedure<Arguments, Reply> {
  return {
    name,
    number,
    encode(args) {
      const writer = new XdrWriter();
      write(writer, args);
      return writer.bytes();
    },
    decode(payload) {
      return read(new XdrReader(payload));
    },
  };
}

/** For procedures without arguments or without a reply. */
export const nothing = (): void => {};

export function writeDomain(writer: XdrWriter, domain: DomainReference): void {
  writer.string(domain.name).fixed(parseUuid(domain.uuid)).int(domain.id);
}

export function readDomain(reader: XdrReader): DomainReference {
  return { name: reader.string(), uuid: formatUuid(reader.fixed(16)), id: reader.int() };
}
