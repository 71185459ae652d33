/**
 * What the two agents say to each other before a migration, as requests over the peer network:
 * `migration.prepare` asks the target to check and to open itself, `migration.close` to close again.
 */

import { isIP } from 'node:net';
import { z } from 'zod';

export const prepareRequest = 'migration.prepare';
export const closeRequest = 'migration.close';

/** A Unix path with room for nothing else (unix(7)). */
const socketPath = z.string().min(1).max(107).startsWith('/');
const fingerprint = z.string().regex(/^[0-9a-f]{64}$/);

export const migrationFacts = z.strictObject({
  name: z.string().min(1).max(256),
  uuid: z.string().regex(/^[0-9a-f-]{36}$/),
  memoryBytes: z.number().int().positive(),
  vcpus: z.number().int().positive(),
  xml: z.string().max(128 * 1024),
});

export const prepareBody = z.strictObject({
  settlement: z.string().min(1).max(256),
  domain: z.string().min(1).max(64),
  facts: migrationFacts,
  way: z.discriminatedUnion('kind', [
    z.strictObject({
      kind: z.literal('tunnel'),
      /** Of the source mover's certificate. */
      fingerprint,
      /** Where the source listens, and so where the target's QEMU must. */
      memoryPath: socketPath,
      disksPath: socketPath,
    }),
    /** libvirt connects by itself (`tls`, `ssh`, `tcp`); the target only checks. */
    z.strictObject({ kind: z.literal('plain') }),
  ]),
});
export type PrepareBody = z.infer<typeof prepareBody>;

/** It becomes part of a libvirt URI: an IP address or a host name, and nothing that could be an option. */
const migrationAddress = z
  .string()
  .max(253)
  .refine((text) => isIP(text) !== 0 || /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text));

export const prepareAnswer = z.object({
  /** The target mover's port and fingerprint; null for a plain path. */
  tunnel: z.object({ port: z.number().int().min(1).max(65535), fingerprint }).nullable(),
  /** How long the target still keeps room, from now. */
  leaseMs: z.number().positive(),
  /** Where the target wants migrations to come to; absent: where the peer network reaches it. */
  address: migrationAddress.optional(),
});
export type PrepareAnswer = z.infer<typeof prepareAnswer>;

export const closeBody = z.strictObject({ settlement: z.string().min(1).max(256) });
