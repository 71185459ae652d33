/**
 * The one-time key of one side of one migration, with a self-signed certificate around it.
 *
 * Nothing vouches for the certificate: the other side knows its fingerprint beforehand, because the
 * agents exchanged it over Noise, and takes no other. The key is never written to a file.
 */

import 'reflect-metadata';
import { KeyObject, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { X509CertificateGenerator } from '@peculiar/x509';
import { fingerprintOf } from './fingerprint.ts';

export type Identity = Readonly<{
  keyPem: string;
  certificatePem: string;
  /** SHA-256 over the certificate's DER form, lower-case hex. */
  fingerprint: string;
}>;

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 24 * 60 * 60 * 1000;

/** A fresh key on P-256. Validity plays no part (the fingerprint does): a day each way for skewed clocks. */
export async function createIdentity(): Promise<Identity> {
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: randomBytes(8).toString('hex'),
    name: 'CN=barter mover',
    notBefore: new Date(Date.now() - dayMs),
    notAfter: new Date(Date.now() + dayMs),
    keys,
    signingAlgorithm: algorithm,
  });
  const certificatePem = certificate.toString('pem');
  const keyPem = KeyObject.from(keys.privateKey).export({ type: 'pkcs8', format: 'pem' });
  return {
    keyPem: String(keyPem),
    certificatePem,
    fingerprint: fingerprintOf(new X509Certificate(certificatePem)),
  };
}
