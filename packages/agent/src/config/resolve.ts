/** Values of the configuration whose meaning depends on the host: pure, the host's facts come in. */

import { dirname, join } from 'node:path';
import type { RateOrShare } from './fields.ts';
import type { Config } from './schema.ts';

/** A rate or a share of the uplink, in bits per second. */
export function bitsPerSecondOf(value: RateOrShare, nicBitsPerSecond: number): number {
  return 'share' in value ? value.share * nicBitsPerSecond : value.bitsPerSecond;
}

/** Where all movers of the host keep their sockets and marks: beside the control socket. */
export function moverDirectory({ control }: Pick<Config, 'control'>): string {
  return join(dirname(control.socket), 'mover');
}

/** The sockets at which libvirt may be listening, best first: modular daemons, then the old one. */
export function libvirtSockets(configured: string): readonly string[] {
  return configured === 'auto'
    ? ['/run/libvirt/virtqemud-sock', '/run/libvirt/libvirt-sock']
    : [configured];
}
