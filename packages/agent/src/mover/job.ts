/**
 * What an agent tells a mover on its standard input, one JSON document, and what the mover answers on
 * its standard output, one JSON line: the only place where the one-time key ever is, besides memory.
 */

import { z } from 'zod';
import { processRecord } from '../process-record.ts';

export const jobBytesMax = 512 * 1024;

const uuid = z.string().regex(/^[0-9a-f-]{36}$/);
const fingerprint = z.string().regex(/^[0-9a-f]{64}$/);
/** sun_path has 108 bytes with the final NUL (unix(7)). */
const socketPath = z.string().min(1).max(107).startsWith('/');
const paths = z.strictObject({ libvirt: socketPath, memory: socketPath, disks: socketPath });

const common = {
  settlement: z.string().min(1).max(256),
  domain: uuid,
  /** The other host. */
  peer: z.string().min(1).max(256),
  keyPem: z.string().max(4096),
  certificatePem: z.string().max(4096),
  peerFingerprint: fingerprint,
  controlPath: socketPath,
  /** Taken away with everything in it when the mover ends. */
  directory: z.string().min(1).max(4096).startsWith('/'),
  /** Who may use the directory and its sockets besides root: QEMU's user. */
  owner: z.strictObject({ uid: z.number().int(), gid: z.number().int() }).nullable(),
  /** Connections are taken until then (monotonic.ts); those under way go on. */
  leaseEndsAtMs: z.number().positive(),
  /** Ends when no byte has moved for this long, connections or not. */
  idleMs: z.number().positive(),
  /** Ends this long after the last connection of the migration closed. */
  lingerMs: z.number().positive(),
};

const sourceJob = z.strictObject({
  role: z.literal('source'),
  ...common,
  listen: paths,
  /** Stopped while the answer to the order to run the domain is missing (standstill.ts); null: nothing is. */
  standstill: z
    .strictObject({
      qemu: processRecord,
      mark: z.string().min(1).max(4096).startsWith('/'),
    })
    .nullable(),
  host: z.string().min(1).max(256),
  port: z.number().int().min(1).max(65535),
});

const targetJob = z.strictObject({
  role: z.literal('target'),
  ...common,
  /** Made before the call that makes the domain run goes through (door.ts). */
  orderedMark: z.string().min(1).max(4096).startsWith('/'),
  /** Addresses to listen on; null: all of them. */
  listenAddress: z.string().max(256).nullable(),
  /** The first free port of this range is taken; 0 to 0: any. */
  ports: z.strictObject({ first: z.number().int().min(0), last: z.number().int().max(65535) }),
  connect: paths,
  expected: z.strictObject({
    definition: z.strictObject({
      uuid,
      name: z.string(),
      memoryBytes: z.number(),
      vcpus: z.number(),
      references: z.array(z.string()),
    }),
    memoryBytesMax: z.number(),
    migrateUri: z.string(),
    disksUri: z.string(),
    driverUris: z.array(z.string()),
  }),
});

export const moverJob = z.discriminatedUnion('role', [sourceJob, targetJob]);
export type MoverJob = z.infer<typeof moverJob>;
export type SourceJob = z.infer<typeof sourceJob>;
export type TargetJob = z.infer<typeof targetJob>;

/** `port` is 0 at the source: it listens on Unix sockets only. */
export const moverAnswer = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), pid: z.number().int(), port: z.number().int() }),
  z.object({ ok: z.literal(false), code: z.string(), message: z.string() }),
]);
export type MoverAnswer = z.infer<typeof moverAnswer>;

/** What a mover says of itself on its control socket. */
export const moverStatus = z.object({
  role: z.enum(['source', 'target']),
  settlement: z.string(),
  domain: z.string(),
  peer: z.string(),
  pid: z.number().int(),
  /** `waiting` for the migration, `carrying` it, `lingering` after its last connection closed. */
  phase: z.enum(['waiting', 'carrying', 'lingering']),
  connections: z.number().int(),
  bytes: z.number(),
  /** The order to run the domain has been passed on, and its answer has not been handed to libvirtd. */
  ordered: z.boolean().default(false),
  /** And that is overdue or lost. */
  held: z.boolean().default(false),
});
export type MoverStatus = z.infer<typeof moverStatus>;
