/** libvirt's events in the words of the core. */

import type { DomainId, HypervisorEvent } from '@barter/core';
import { type DomainEvent, lifecycleDetail, lifecycleEvent } from '@barter/libvirt';

/** null for what changes nothing that the core knows of. */
export function hypervisorEvent(event: DomainEvent): HypervisorEvent | null {
  const domain = event.domain.uuid as DomainId;
  if (event.kind === 'metadata-change') return { kind: 'redefined', domain };
  if (event.kind !== 'lifecycle') return null;
  switch (event.event) {
    case lifecycleEvent.started:
      // A domain that arrives is "started" while its memory is still on its way.
      return event.detail === lifecycleDetail.startedMigrated ? null : { kind: 'started', domain };
    case lifecycleEvent.resumed:
      return { kind: 'started', domain };
    case lifecycleEvent.stopped:
    case lifecycleEvent.crashed: {
      const migrated =
        event.event === lifecycleEvent.stopped && event.detail === lifecycleDetail.stoppedMigrated;
      return { kind: 'stopped', domain, migrated };
    }
    case lifecycleEvent.defined:
    case lifecycleEvent.undefined:
    case lifecycleEvent.suspended:
      return { kind: 'redefined', domain };
    default:
      return null;
  }
}
