/**
 * TLS between two movers: 1.3 only, both sides show a certificate, and each takes only the one whose
 * fingerprint the agents exchanged. Sessions are not resumed, so every connection proves its key.
 */

import { constants } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { fingerprintOf } from './fingerprint.ts';
import type { MoverJob } from './job.ts';

/** Options for both `tls.connect` and `tls.createServer`. */
export function tlsSettings(job: MoverJob) {
  return {
    key: job.keyPem,
    cert: job.certificatePem,
    minVersion: 'TLSv1.3',
    maxVersion: 'TLSv1.3',
    // AES in hardware is faster than ChaCha20, and 128 bits outlive a one-time key.
    ciphers: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256',
    secureOptions: constants.SSL_OP_NO_TICKET,
    // The certificates are self-signed: `showsPinnedKey` decides.
    rejectUnauthorized: false,
    requestCert: true,
    allowHalfOpen: true,
  } as const;
}

/** Whether the other side of an established connection holds the key that the agents agreed on. */
export function showsPinnedKey(socket: TLSSocket, job: MoverJob): boolean {
  const certificate = socket.getPeerX509Certificate();
  return certificate !== undefined && fingerprintOf(certificate) === job.peerFingerprint;
}
