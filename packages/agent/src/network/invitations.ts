/**
 * The invitations a member has given out. Only the hash of a secret is kept, on disk; an invitation is
 * used up durably before the entry it pays for is signed, so that it works once whatever crashes.
 */

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock, HostId } from '@barter/core';
import { z } from 'zod';
import { failure, type Result, success } from '../result.ts';
import { readIfPresent, writeDurably } from './state-file.ts';

const stored = z.object({
  id: z.string().max(32),
  secretHash: z.string().max(64),
  expiresAtMs: z.number(),
  attemptsLeft: z.number().int(),
  usedBy: z.string().max(128).nullable(),
});
const fileShape = z.object({ version: z.literal(1), invitations: z.array(stored).max(1024) });
type Invitation = z.infer<typeof stored>;

const openMax = 256;
const attemptsMax = 5;
/** Expired and used invitations are remembered this long, to say so instead of "unknown". */
const rememberMs = 24 * 3600 * 1000;
const fileBytesMax = 1024 * 1024;

/** One answer for an unknown invitation and for a wrong secret: a stranger learns nothing from it. */
const refused = failure(
  'ticket-refused',
  'The ticket is not known here, or was refused too often: run "barter invite" again for a new one.',
);

export class Invitations {
  readonly #path: string;
  readonly #clock: Clock;
  #all: readonly Invitation[];
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(path: string, clock: Clock, all: readonly Invitation[]) {
    this.#path = path;
    this.#clock = clock;
    this.#all = all;
  }

  static async open(path: string, clock: Clock): Promise<Result<Invitations>> {
    const content = await readIfPresent(path, fileBytesMax);
    if (!content.ok) return content;
    if (content.value === undefined) return success(new Invitations(path, clock, []));
    let json: unknown;
    try {
      json = JSON.parse(content.value);
    } catch {
      json = undefined;
    }
    const file = fileShape.safeParse(json);
    if (file.success) return success(new Invitations(path, clock, file.data.invitations));
    return failure(
      'invitations-corrupt',
      `${path} is damaged. Remove it: open invitations are lost, members are not affected.`,
    );
  }

  /** A new invitation; durable when this resolves. */
  create(
    expiresInMs: number,
  ): Promise<Result<Readonly<{ id: string; secret: Uint8Array; expiresAtMs: number }>>> {
    return this.#inTurn(async () => {
      const open = this.#remembered().filter((each) => this.#isOpen(each)).length;
      if (open >= openMax) {
        return failure('too-many', `${openMax} invitations are open; wait until some expire.`);
      }
      const id = randomBytes(9).toString('base64url');
      const secret = new Uint8Array(randomBytes(16));
      const expiresAtMs = this.#clock.nowMs() + expiresInMs;
      const written = await this.#write([
        ...this.#remembered(),
        { id, secretHash: hashOf(secret), expiresAtMs, attemptsLeft: attemptsMax, usedBy: null },
      ]);
      return written.ok ? success({ id, secret, expiresAtMs }) : written;
    });
  }

  /**
   * Uses an invitation up for one peer; durable when this resolves. The same peer may ask again (its
   * answer may have been lost). Errors: `ticket-refused`, `ticket-expired`, `ticket-used`.
   */
  redeem(id: string, secret: Uint8Array, peer: HostId): Promise<Result<null>> {
    return this.#inTurn(async () => {
      const invitation = this.#all.find((each) => each.id === id);
      if (invitation === undefined || invitation.attemptsLeft <= 0) return refused;
      if (!sameText(invitation.secretHash, hashOf(secret))) {
        const written = await this.#replace(invitation, {
          attemptsLeft: invitation.attemptsLeft - 1,
        });
        return written.ok ? refused : written;
      }
      if (invitation.usedBy !== null) {
        if (invitation.usedBy === peer) return success(null);
        return failure(
          'ticket-used',
          'The ticket was used already, by another host: run "barter invite" for each host that is to join.',
        );
      }
      if (!this.#isOpen(invitation)) {
        return failure('ticket-expired', 'The ticket has expired: run "barter invite" again.');
      }
      return this.#replace(invitation, { usedBy: peer });
    });
  }

  #isOpen(invitation: Invitation): boolean {
    return (
      invitation.usedBy === null &&
      invitation.attemptsLeft > 0 &&
      invitation.expiresAtMs > this.#clock.nowMs()
    );
  }

  #remembered(): readonly Invitation[] {
    const nowMs = this.#clock.nowMs();
    return this.#all.filter((each) => each.expiresAtMs + rememberMs > nowMs).slice(-512);
  }

  #replace(invitation: Invitation, change: Partial<Invitation>): Promise<Result<null>> {
    return this.#write(
      this.#all.map((each) => (each === invitation ? { ...each, ...change } : each)),
    );
  }

  async #write(all: readonly Invitation[]): Promise<Result<null>> {
    const file: z.infer<typeof fileShape> = { version: 1, invitations: [...all] };
    const written = await writeDurably(this.#path, `${JSON.stringify(file, null, 1)}\n`);
    if (written.ok) this.#all = all;
    return written;
  }

  #inTurn<Value>(change: () => Promise<Value>): Promise<Value> {
    const turn = this.#queue.then(change);
    this.#queue = turn.catch(() => {});
    return turn;
  }
}

function hashOf(secret: Uint8Array): string {
  return createHash('sha256').update(secret).digest('base64url');
}

function sameText(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}
