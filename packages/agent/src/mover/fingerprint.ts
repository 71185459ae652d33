/** How a one-time certificate is named between the agents. Apart from its making: movers only compare. */

import type { X509Certificate } from 'node:crypto';

/** SHA-256 over the certificate's DER form, 64 lower-case hex digits. */
export function fingerprintOf(certificate: X509Certificate): string {
  return certificate.fingerprint256.replaceAll(':', '').toLowerCase();
}
