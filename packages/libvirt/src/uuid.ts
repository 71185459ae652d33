/** UUIDs: sixteen bytes on the wire, 36 lower-case characters everywhere else. */

import { XdrError } from './xdr.ts';

const shape = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;

export function parseUuid(text: string): Buffer {
  if (!shape.test(text)) throw new XdrError(`${JSON.stringify(text.slice(0, 64))} is not a UUID`);
  return Buffer.from(text.replaceAll('-', ''), 'hex');
}

export function formatUuid(bytes: Buffer): string {
  const hex = bytes.toString('hex');
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20, 32),
  ].join('-');
}
