/**
 * What a call to libvirt can end with instead of an answer. Every call rejects with a `LibvirtError`
 * of its own: libvirt sends the error in the reply, so it cannot be mixed up with another call's.
 */

/**
 * - `refused`: libvirtd answered with an error; `code` and `domain` are its numbers.
 * - `timeout`: no answer in time. Whether the call took effect is not known.
 * - `closed`: there is no connection, or it ended before the answer. The same uncertainty.
 * - `protocol`: the answer (or the request) is not what the protocol allows.
 */
export type LibvirtErrorKind = 'refused' | 'timeout' | 'closed' | 'protocol';

/** `virErrorNumber`, the codes that callers tell apart (include/libvirt/virterror.h). */
export const errorCode = {
  internalError: 1,
  noSupport: 3,
  noConnect: 5,
  invalidArgument: 8,
  operationFailed: 9,
  xmlError: 27,
  domainExists: 28,
  operationDenied: 29,
  systemError: 38,
  rpc: 39,
  noDomain: 42,
  noNetwork: 43,
  authenticationFailed: 45,
  operationInvalid: 55,
  configurationUnsupported: 67,
  operationTimeout: 68,
  migratePersistFailed: 69,
  argumentUnsupported: 74,
  operationAborted: 78,
  authenticationCancelled: 79,
  noDomainMetadata: 80,
  migrateUnsafe: 81,
  overflow: 82,
  blockCopyActive: 83,
  operationUnsupported: 84,
  resourceBusy: 87,
  accessDenied: 88,
  cpuIncompatible: 91,
  migrateFinishOk: 93,
  authenticationUnavailable: 94,
} as const;

export type ErrorCodeName = keyof typeof errorCode;

const codeNames = new Map<number, ErrorCodeName>(
  Object.entries(errorCode).map(([name, code]) => [code, name as ErrorCodeName]),
);

export class LibvirtError extends Error {
  override readonly name = 'LibvirtError';
  readonly kind: LibvirtErrorKind;
  /** `virErrorNumber`; 0 unless `kind` is `refused`. */
  readonly code: number;
  /** `virErrorDomain`: the part of libvirt that raised it; 0 unless `kind` is `refused`. */
  readonly domain: number;
  /** The procedure that was called. */
  readonly procedure: string;

  constructor(
    kind: LibvirtErrorKind,
    procedure: string,
    message: string,
    numbers: Readonly<{ code: number; domain: number }> = { code: 0, domain: 0 },
  ) {
    super(message);
    this.kind = kind;
    this.procedure = procedure;
    this.code = numbers.code;
    this.domain = numbers.domain;
  }

  /** `noDomain`, `code-17` for a number without a name here, `timeout`, `closed`, `protocol`. */
  get codeName(): string {
    if (this.kind !== 'refused') return this.kind;
    return codeNames.get(this.code) ?? `code-${this.code}`;
  }

  is(...names: readonly ErrorCodeName[]): boolean {
    return this.kind === 'refused' && names.some((name) => errorCode[name] === this.code);
  }
}

/** The domain, network or metadata that was asked for does not exist. */
export function isNotFound(error: unknown): boolean {
  return error instanceof LibvirtError && error.is('noDomain', 'noNetwork', 'noDomainMetadata');
}

/** The driver cannot do this at all; asking again is of no use. */
export function isUnsupported(error: unknown): boolean {
  return (
    error instanceof LibvirtError &&
    error.is('noSupport', 'operationUnsupported', 'argumentUnsupported', 'configurationUnsupported')
  );
}

/** The domain is not in a state in which this can be done (not running, say). */
export function isInvalidState(error: unknown): boolean {
  return error instanceof LibvirtError && error.is('operationInvalid');
}

/** The answer did not arrive: the call may or may not have taken effect. */
export function isUncertain(error: unknown): boolean {
  return !(error instanceof LibvirtError) || error.kind !== 'refused';
}
