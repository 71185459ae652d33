/** Values of the configuration whose meaning depends on the host: pure, the host's facts come in. */

import type { RateOrShare } from './fields.ts';

/** A rate or a share of the uplink, in bits per second. */
export function bitsPerSecondOf(value: RateOrShare, nicBitsPerSecond: number): number {
  return 'share' in value ? value.share * nicBitsPerSecond : value.bitsPerSecond;
}

/** The sockets at which libvirt may be listening, best first: modular daemons, then the old one. */
export function libvirtSockets(configured: string): readonly string[] {
  return configured === 'auto'
    ? ['/run/libvirt/virtqemud-sock', '/run/libvirt/libvirt-sock']
    : [configured];
}
