/**
 * The arguments of the libvirt calls that the filter looks into (remote_protocol.x):
 * `remote_connect_open_args`, `remote_domain_migrate_prepare3_params_args` and
 * `remote_domain_migrate_finish3_params_args`.
 *
 * The rule: read as libvirtd will read it or not at all. A parameter that comes twice is refused,
 * because libvirt would take the first one and another reader perhaps the last; so are bytes left over.
 */

import { XdrError, XdrReader } from '@barter/libvirt';
import { failure, type Result, success } from '../result.ts';

export type ParameterMap = ReadonlyMap<string, number | bigint | string>;

export type OpenCall = Readonly<{ name: string | null; flags: number }>;
export type PrepareCall = Readonly<{ parameters: ParameterMap; flags: number }>;
/** `cookie` is the migration cookie's XML, empty when there is none. */
export type FinishCall = Readonly<{ parameters: ParameterMap; cookie: string; flags: number }>;

/** REMOTE_DOMAIN_MIGRATE_PARAM_LIST_MAX. */
const parametersMax = 64;
const nameBytesMax = 80;

export function readOpenCall(payload: Buffer): Result<OpenCall> {
  return read(payload, (reader) => ({ name: reader.optionalString(), flags: reader.uint() }));
}

export function readPrepareCall(payload: Buffer): Result<PrepareCall> {
  return read(payload, (reader) => {
    const parameters = readParameters(reader);
    readCookie(reader);
    return { parameters, flags: reader.uint() };
  });
}

export function readFinishCall(payload: Buffer): Result<FinishCall> {
  return read(payload, (reader) => {
    const parameters = readParameters(reader);
    const cookie = readCookie(reader);
    const flags = reader.uint();
    reader.int(); // cancelled: whether the source gave up; the target may be told either.
    return { parameters, cookie, flags };
  });
}

function read<Call>(payload: Buffer, shape: (reader: XdrReader) => Call): Result<Call> {
  const reader = new XdrReader(payload);
  try {
    const call = shape(reader);
    if (reader.remaining > 0) return failure('bad-call', `${reader.remaining} bytes too many`);
    return success(call);
  } catch (error) {
    if (error instanceof XdrError) return failure('bad-call', error.message);
    throw error;
  }
}

/** A C string: libvirt would see no further than its first NUL. */
function readText(reader: XdrReader, bytesMax?: number): string {
  const bytes = reader.opaque(bytesMax);
  if (bytes.includes(0)) throw new XdrError('a string contains a NUL character');
  const text = bytes.toString('utf8');
  if (!Buffer.from(text, 'utf8').equals(bytes)) throw new XdrError('a string is not UTF-8');
  return text;
}

/** The cookie is a string with its NUL (qemuMigrationCookieXMLFormat). */
function readCookie(reader: XdrReader): string {
  const bytes = reader.opaque();
  const end = bytes.indexOf(0);
  if (end >= 0 && end !== bytes.length - 1)
    throw new XdrError('the cookie contains a NUL character');
  return bytes.subarray(0, end < 0 ? bytes.length : end).toString('utf8');
}

function readParameters(reader: XdrReader): ParameterMap {
  const parameters = new Map<string, number | bigint | string>();
  // A name's length word, a type, and a value of four bytes at least.
  const pairs = reader.array(
    parametersMax,
    12,
    () => [readText(reader, nameBytesMax), readValue(reader)] as const,
  );
  for (const [name, value] of pairs) {
    // The one that libvirt itself sends more than once: a list of disks.
    if (parameters.has(name) && name !== 'migrate_disks')
      throw new XdrError(`the parameter ${name} comes twice`);
    parameters.set(name, value);
  }
  return parameters;
}

/** The value of a virTypedParameter, after its type (virTypedParameterType). */
function readValue(reader: XdrReader): number | bigint | string {
  const type = reader.int();
  switch (type) {
    case 1:
    case 6:
      return reader.int();
    case 2:
      return reader.uint();
    case 3:
      return reader.hyper();
    case 4:
      return reader.uhyper();
    case 5:
      return reader.double();
    case 7:
      return readText(reader);
    default:
      throw new XdrError(`a parameter of unknown type ${type}`);
  }
}
