/**
 * Which domains this process has seen running here, and when last: by libvirt's events, and by asking. A domain that
 * began to run while libvirtd was away is seen when it is back, because libvirt ends nothing that runs.
 *
 * What nobody sees is a QEMU that begins to run, and ends by itself, while libvirtd is away.
 */

import { type DomainEvent, lifecycleEvent } from '@barter/libvirt';
import { monotonicMs } from '../mover/monotonic.ts';

export class RunningWatch {
  readonly #sinceMs = monotonicMs();
  readonly #seenAtMs = new Map<string, number>();

  notice(event: DomainEvent): void {
    if (event.kind !== 'lifecycle') return;
    if (event.event === lifecycleEvent.started || event.event === lifecycleEvent.resumed)
      this.saw(event.domain.uuid);
  }

  saw(uuid: string): void {
    this.#seenAtMs.set(uuid, monotonicMs());
  }

  /** True only when this process has watched ever since `sinceMs` (monotonic.ts). */
  notSeenSince(uuid: string, sinceMs: number): boolean {
    return this.#sinceMs < sinceMs && !this.seenSince(uuid, sinceMs);
  }

  seenSince(uuid: string, sinceMs: number): boolean {
    return (this.#seenAtMs.get(uuid) ?? 0) >= sinceMs;
  }
}
