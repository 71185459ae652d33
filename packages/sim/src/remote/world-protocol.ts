/**
 * What an agent process and the process that owns the simulated world say to each other, one JSON
 * value per line. Each host of the world has a Unix socket of its own, the way each real host has its
 * libvirt socket: whoever connects to it is that host's agent.
 *
 *   agent                            world
 *     │ hello(peer)  ───────────────▶ │  names the host's peer id; the hypervisor's events follow
 *     │ sample, read, inspect ──────▶ │  answered at once
 *     │ migrate(order) ─────────────▶ │  answered at the end, progress meanwhile
 */

import type {
  DomainPresence,
  HypervisorEvent,
  HypervisorSample,
  MigrationProgress,
  MigrationResult,
  RefusalOutcome,
  TrafficReading,
} from '@barter/core';
import { z } from 'zod';

const id = z.string().min(1).max(256);

export const callSchema = z.discriminatedUnion('call', [
  z.strictObject({ call: z.literal('hello'), peer: id, smoothingSeconds: z.number().min(0) }),
  z.strictObject({ call: z.literal('sample') }),
  z.strictObject({ call: z.literal('read'), local: z.array(z.string().max(64)).max(65_536) }),
  z.strictObject({ call: z.literal('inspect'), domain: id }),
  z.strictObject({ call: z.literal('abort'), domain: id }),
  z.strictObject({ call: z.literal('resume'), domain: id }),
  z.strictObject({ call: z.literal('discard'), domain: id }),
  z.strictObject({ call: z.literal('refuse'), settlement: id, domain: id }),
  z.strictObject({
    call: z.literal('migrate'),
    order: z.strictObject({
      settlement: id,
      domain: id,
      target: id,
      leaseMs: z.number().nonnegative(),
    }),
  }),
]);

export const requestSchema = z.strictObject({
  id: z.number().int().nonnegative(),
  body: callSchema,
});

export type WorldCall = z.infer<typeof callSchema>;

/** What each call is answered with. */
export type WorldAnswers = {
  hello: null;
  sample: HypervisorSample;
  read: TrafficReading;
  inspect: DomainPresence;
  abort: null;
  resume: null;
  discard: null;
  refuse: RefusalOutcome;
  migrate: MigrationResult;
};

export type WorldLine =
  | Readonly<{ id: number; value: unknown }>
  | Readonly<{ id: number; error: string }>
  | Readonly<{ event: HypervisorEvent }>
  | Readonly<{ progress: MigrationProgress }>;
