/**
 * What both ends of the control socket agree on: routes, bounds and the shapes of requests.
 *
 *   GET  /v1/<view>?peer=NAME&limit=N    →  { "ok": true, "value": … }
 *   POST /v1/<command>  with a JSON body →  { "ok": false, "code": "…", "message": "…" }
 */

import { z } from 'zod';
import type { Commands, Views } from '../api.ts';

export type ViewName = keyof Views;
export type CommandName = keyof Commands;

const peer = z.string().min(1).max(256);
const id = z.string().min(1).max(256);
const daySeconds = 86_400;

/** One entry for each command, so that a new one cannot be forgotten here. */
export const commandBodies: { readonly [Name in CommandName]: z.ZodType<Commands[Name]['body']> } =
  {
    mode: z.strictObject({ mode: z.enum(['observe', 'advise', 'auto']) }),
    stop: z.strictObject({ all: z.boolean() }),
    resume: z.strictObject({ all: z.boolean() }),
    invite: z.strictObject({
      expiresInSeconds: z
        .number()
        .int()
        .min(1)
        .max(30 * daySeconds),
    }),
    expel: z.strictObject({ peer, withGuests: z.boolean().optional() }),
    approve: z.strictObject({ id }),
    reject: z.strictObject({ id }),
    'abort-migration': z.strictObject({ domain: id }),
    'target-gone': z.strictObject({ domain: id, target: peer }),
    'let-run-on': z.strictObject({ domain: id, notRunningOn: peer.optional() }),
  };

const views: { readonly [Name in ViewName]: true } = {
  status: true,
  peers: true,
  domains: true,
  traffic: true,
  deals: true,
  moves: true,
  doctor: true,
  snapshot: true,
};

export function isView(name: string): name is ViewName {
  return Object.hasOwn(views, name);
}

export function isCommand(name: string): name is CommandName {
  return Object.hasOwn(commandBodies, name);
}

export const viewQuery = z.strictObject({
  peer: peer.optional(),
  limit: z.coerce.number().int().min(1).max(1000).optional(),
});

export type ViewQuery = Readonly<{ peer?: string; limit?: number }>;

/** The largest command body; tickets are the longest thing in one. */
export const bodyMaxBytes = 64 * 1024;
/** How long a view may take before the server answers without it. */
export const viewTimeoutMs = 2_800;
/** Commands may have to reach other hosts. */
export const commandTimeoutMs = 20_000;
