/** Every target by name. A module is loaded when its target runs. */

import type { Prepare } from './target.ts';

export const targets = {
  'peer-frame': async () => (await import('./targets/peer-frame.ts')).prepare(),
  'core-message': async () => (await import('./targets/core-message.ts')).prepare(),
  join: async () => (await import('./targets/join.ts')).prepare(),
  roster: async () => (await import('./targets/roster.ts')).prepare(),
  'state-files': async () => (await import('./targets/state-files.ts')).prepare(),
  ticket: async () => (await import('./targets/ticket.ts')).prepare(),
  requests: async () => (await import('./targets/requests.ts')).prepare(),
  control: async () => (await import('./targets/control.ts')).prepare(),
  config: async () => (await import('./targets/config.ts')).prepare(),
  'cluster-file': async () => (await import('./targets/cluster-file.ts')).prepare(),
  'domain-xml': async () => (await import('./targets/domain-xml.ts')).prepare(),
  'mover-xml': async () => (await import('./targets/mover-xml.ts')).prepare(),
  'mover-rpc': async () => (await import('./targets/mover-rpc.ts')).prepare(),
  nft: async () => (await import('./targets/nft.ts')).prepare(),
  'libvirt-frames': async () => (await import('./targets/libvirt-frames.ts')).prepare(),
  'libvirt-xdr': async () => (await import('./targets/libvirt-xdr.ts')).prepare(),
} satisfies Record<string, Prepare>;
