/**
 * What a mover carries, and where: three channels between the two hosts of one migration.
 *
 *   libvirt   the source's libvirtd calls the target's libvirtd (filtered, see rpc-filter.ts)
 *   memory    QEMU's migration stream
 *   disks     NBD, only when storage is copied
 *
 * Each Unix connection travels over a TLS connection of its own that begins with a header naming its
 * channel. Paths follow from the settlement alone, so they are the same on both hosts: the target's
 * QEMU listens where VIR_MIGRATE_PARAM_URI says, and the source connects to that same path.
 */

import { createHash } from 'node:crypto';
import { join } from 'node:path';

export const channels = ['libvirt', 'memory', 'disks'] as const;
export type Channel = (typeof channels)[number];

/** Unix sockets by channel. */
export type ChannelPaths = Readonly<Record<Channel, string>>;

export type Role = 'source' | 'target';

/** More connections than QEMU's multifd (at most 255 channels, libvirt's default 2) is worth are refused. */
export const connectionsMax: Readonly<Record<Channel, number>> = {
  libvirt: 2,
  memory: 64,
  disks: 64,
};

const magic = Buffer.from('BARTER\x01', 'latin1');
export const headerBytes = magic.length + 1;

export function encodeHeader(channel: Channel): Buffer {
  return Buffer.concat([magic, Buffer.from([channels.indexOf(channel)])]);
}

/** The channel that a header of `headerBytes` bytes names, or undefined when it is not a header. */
export function decodeHeader(bytes: Buffer): Channel | undefined {
  if (bytes.length !== headerBytes || !bytes.subarray(0, magic.length).equals(magic))
    return undefined;
  return channels[bytes.readUInt8(magic.length)];
}

/**
 * The directory of one settlement's sockets. A hash, because a Unix path is at most 107 bytes long and
 * a settlement id comes from a peer.
 */
export function settlementDirectory(runDirectory: string, settlement: string): string {
  return join(runDirectory, settlementKey(settlement));
}

export function settlementKey(settlement: string): string {
  return createHash('sha256').update(settlement).digest('hex').slice(0, 20);
}

export function channelPaths(directory: string): ChannelPaths {
  return {
    libvirt: join(directory, 'libvirt.sock'),
    memory: join(directory, 'memory.sock'),
    disks: join(directory, 'disks.sock'),
  };
}

/** Where a mover takes orders from its agent. Apart from the channels, which QEMU's user may reach. */
export function controlPath(runDirectory: string, settlement: string, role: Role): string {
  return join(controlDirectory(runDirectory), `${settlementKey(settlement)}-${role}.sock`);
}

export function controlDirectory(runDirectory: string): string {
  return join(runDirectory, 'control');
}
