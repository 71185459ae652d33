/** A client of libvirt's RPC protocol. It knows libvirt and nothing of Barter. */

export { type ClientSettings, LibvirtClient, type Reachability } from './client.ts';
export {
  type Caller,
  type CallOptions,
  type ConnectionSettings,
  connectionDefaults,
  LibvirtConnection,
} from './connection.ts';
export * from './constants.ts';
export { DomainApi, type Migration } from './domain.ts';
export {
  type DomainStatistics,
  domainProcedures,
  type JobStatistics,
} from './domain-procedures.ts';
export {
  type ErrorCodeName,
  errorCode,
  isInvalidState,
  isNotFound,
  isUncertain,
  isUnsupported,
  LibvirtError,
  type LibvirtErrorKind,
} from './error.ts';
export type { DomainEvent, DomainEventKind } from './event.ts';
export {
  encodeFrame,
  type Frame,
  FrameReader,
  type FrameReading,
  frameBytesMax,
  headerBytes,
  messageStatus,
  messageType,
} from './frame.ts';
export { HostApi } from './host.ts';
export {
  connectionProcedures,
  hostProcedures,
  type NodeInformation,
} from './host-procedures.ts';
export type { KeepaliveSettings } from './keepalive.ts';
export {
  type DomainReference,
  keepaliveProcedure,
  keepaliveProgram,
  type Procedure,
  protocolVersion,
  readDomain,
  remoteProgram,
  writeDomain,
} from './procedure.ts';
export {
  booleanOf,
  numberOf,
  readTypedParameters,
  stringOf,
  type TypedParameter,
  type TypedParameters,
  type TypedValue,
  writeTypedParameters,
} from './typed-parameter.ts';
export { formatUuid, parseUuid } from './uuid.ts';
export { stringBytesMax, XdrError, XdrReader, XdrWriter } from './xdr.ts';
