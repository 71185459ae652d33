/**
 * How a migration ended, asked of libvirt where its own answer does not say it, or where nobody heard it.
 *
 * After a success, the source's definition and autostart must be gone: otherwise a reboot of this host would
 * start a second copy. After anything else the domain counts as staying here only when libvirt has
 * said repeatedly that it runs here and that nothing is under way: a libvirtd whose answer got lost
 * may be about to begin.
 */

import type { DomainPresence } from '@barter/core';
import {
  type DomainReference,
  domainState,
  isNotFound,
  isUncertain,
  type LibvirtClient,
  type LibvirtError,
} from '@barter/libvirt';
import type { Departure } from './pre-checks.ts';
import { inspectDomain } from './presence.ts';

export type MigrationEnd =
  | Readonly<{ kind: 'runs-here'; code: string; detail: string }>
  /** It left for the target, although nobody heard libvirt say so at the time. */
  | Readonly<{ kind: 'left'; detail: string }>
  | Readonly<{ kind: 'unclear'; detail: string }>;

/** The migration, as whoever began it sees it while its end is looked for. */
export type Watch = Readonly<{
  askEveryMs: number;
  /** Nobody waits for the answer any more. */
  signal: AbortSignal;
  /** libvirt said, at some time, that the domain left for the target. */
  sawItLeave(): boolean;
  /** The target's answer got lost: nobody works on it any more (presence.ts). */
  isHeld(): Promise<boolean>;
  /** It is under way and not overdue. */
  mayGoOn(): boolean;
  abort(): Promise<void>;
}>;

/** virDomainShutoffReason: it was migrated to another host. */
const shutoffMigrated = 4;
/** For libvirtd to come back, and for what is under way to end. */
const clearWithinMs = 120_000;
/** After a lost answer: so many times in a row it has to run here, or be left paused, with nothing under way. */
const confirmations = 5;

/** null when nothing of the domain is left here; otherwise one sentence about what is. */
export async function concludeSuccess(
  client: Pick<LibvirtClient, 'domains'>,
  moved: DomainReference,
): Promise<string | null> {
  const { domains } = client;
  try {
    const domain = await domains.lookupByUuid(moved.uuid);
    const { state } = await domains.state(domain);
    if (state !== domainState.shutoff) {
      return `libvirt says that ${moved.name} has moved, and also that it is in state ${state} here`;
    }
    await domains.setAutostart(domain, false);
    await domains.undefine(domain);
    return null;
  } catch (error) {
    if (isNotFound(error)) return null;
    const detail = error instanceof Error ? error.message : String(error);
    return `${moved.name} has moved, but its definition may still be here: ${detail}`;
  }
}

export async function concludeFailure(
  client: Pick<LibvirtClient, 'domains'>,
  { domain }: Departure,
  error: LibvirtError,
  watch: Watch,
): Promise<MigrationEnd> {
  const needed = isUncertain(error) ? confirmations : 1;
  let deadlineMs = performance.now() + clearWithinMs;
  let inARow = 0;
  let leftInARow = 0;
  let last: DomainPresence | undefined;
  while (performance.now() < deadlineMs && !watch.signal.aborted) {
    last = await inspectDomain(client.domains, domain.uuid, watch.isHeld).catch(() => undefined);
    const isLeft = last?.state === 'paused' && last.byMigration;
    leftInARow = isLeft ? leftInARow + 1 : 0;
    // Perform-done: it stands still until somebody decides, so nobody waits longer than needed.
    if (leftInARow >= needed) break;
    inARow = last?.state === 'running' ? inARow + 1 : 0;
    if (inARow >= needed) {
      return { kind: 'runs-here', code: codeOf(error), detail: `libvirt: ${error.message}` };
    }
    if (last?.state === 'absent') return absent(client, domain, error, watch.sawItLeave());
    if (last?.state === 'paused' && !isUncertain(error)) break;
    if (last?.state === 'migrating-out') {
      if (watch.mayGoOn()) deadlineMs = performance.now() + clearWithinMs;
      else await watch.abort();
    }
    await new Promise((resolve) => setTimeout(resolve, watch.askEveryMs));
  }
  const seen = last === undefined ? 'libvirt does not answer' : `it is ${describe(last)} here`;
  return { kind: 'unclear', detail: `${error.message}; ${seen}` };
}

async function absent(
  client: Pick<LibvirtClient, 'domains'>,
  domain: DomainReference,
  error: LibvirtError,
  sawItLeave: boolean,
): Promise<MigrationEnd> {
  const state = await client.domains.state(domain).catch(() => undefined);
  if (sawItLeave || state?.reason === shutoffMigrated) {
    const left = await concludeSuccess(client, domain);
    if (left !== null) return { kind: 'unclear', detail: left };
    return { kind: 'left', detail: `it left for the target, although: ${error.message}` };
  }
  return { kind: 'unclear', detail: `it no longer runs here, and ${error.message}` };
}

function describe(presence: DomainPresence): string {
  return presence.state === 'paused' ? presence.detail : presence.state;
}

function codeOf(error: LibvirtError): string {
  if (isUncertain(error)) return 'libvirt-lost';
  if (error.is('operationAborted')) return 'aborted';
  if (error.is('migrateUnsafe')) return 'blocked';
  return 'libvirt-refused';
}
