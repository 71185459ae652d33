/**
 * Receipts: the durable record, on both hosts, of what was decided and why, also of what was declined.
 * Written once, in the transaction of the decision; the journal keeps a bounded history of them.
 */

import type { MigrationStatistics } from '../message.ts';
import type { DealId, DomainId, HostId, SettlementId } from './model.ts';

export type Receipt =
  | Readonly<{
      kind: 'deal';
      atMs: number;
      deal: DealId;
      role: 'proposer' | 'responder';
      peer: HostId;
      phase: 'committed' | 'done' | 'aborted' | 'void';
      give: readonly DomainId[];
      take: readonly DomainId[];
      gainBitsPerSecond: number;
      detail: string;
    }>
  | Readonly<{
      kind: 'move';
      atMs: number;
      settlement: SettlementId;
      domain: DomainId;
      from: HostId;
      to: HostId;
      /** Null: neither host has seen how the migration ended, and neither can tell any more. */
      moved: boolean | null;
      detail: string;
      statistics: MigrationStatistics | null;
    }>
  | Readonly<{
      /** A domain came, went or changed outside Barter; or a claim was taken back. */
      kind: 'fact';
      atMs: number;
      domain: DomainId;
      detail: string;
    }>;

/** The key under which the journal files a receipt: unique, ordered by time. */
export function receiptKey(receipt: Receipt): string {
  const time = String(Math.floor(receipt.atMs)).padStart(15, '0');
  switch (receipt.kind) {
    case 'deal':
      return `${time} deal ${receipt.deal} ${receipt.role} ${receipt.phase}`;
    case 'move':
      return `${time} move ${receipt.settlement} ${receipt.moved}`;
    case 'fact':
      return `${time} fact ${receipt.domain} ${receipt.detail.slice(0, 40)}`;
  }
}
