/**
 * Which libvirt calls get through to the target's libvirtd: those that the source's libvirtd makes on
 * its destination connection during one peer-to-peer migration (libvirt's qemu_migration.c,
 * `qemuMigrationSrcPerformPeer2Peer3`; remote_driver.c, `doRemoteOpen`), and of them only those about
 * the leased domain. Begin, perform and confirm are calls to the source's own libvirtd: they never
 * come here.
 *
 * The rule: what is not on the list, or cannot be read, ends the connection before libvirtd sees it.
 */

import { failure, type Result, success } from '../result.ts';
import { type Definition, readCookieDefinition, readDefinition, sameReach } from './definition.ts';
import { readFinishCall, readOpenCall, readPrepareCall } from './migrate-call.ts';
import { type RpcFrame, type RpcHeader, rpcHeaderBytes } from './rpc-frame.ts';

/** What this one migration may be, as the target's agent checked it. */
export type Expected = Readonly<{
  definition: Definition;
  memoryBytesMax: number;
  /** VIR_MIGRATE_PARAM_URI must be this. */
  migrateUri: string;
  /** VIR_MIGRATE_PARAM_DISKS_URI, when given, must be this. */
  disksUri: string;
  /** The driver URIs that may be opened, `qemu:///system`. */
  driverUris: readonly string[];
}>;

const remoteProgram = 0x2000_8086;
const keepaliveProgram = 0x6b65_6570;
const callType = 0;
const messageType = 2;

type Procedure = Readonly<{ name: string; bytesMax: number }>;

const smallBytesMax = 4096;
/** The definition and the cookie; libvirt itself would take 4 MiB of each. */
const migrateBytesMax = 1024 * 1024;

/** Procedure numbers of remote_protocol.x; libvirt never changes a released one. */
const procedures: ReadonlyMap<number, Procedure> = new Map([
  [1, { name: 'open', bytesMax: smallBytesMax }],
  [2, { name: 'close', bytesMax: rpcHeaderBytes }],
  [60, { name: 'supports-feature', bytesMax: rpcHeaderBytes + 4 }],
  [66, { name: 'auth-list', bytesMax: rpcHeaderBytes }],
  [303, { name: 'migrate-prepare3-params', bytesMax: migrateBytesMax }],
  [306, { name: 'migrate-finish3-params', bytesMax: migrateBytesMax }],
  [360, { name: 'register-close-callback', bytesMax: rpcHeaderBytes }],
  [361, { name: 'unregister-close-callback', bytesMax: rpcHeaderBytes }],
]);

/** virDomainMigrateFlags that a prepare or finish may carry. */
const flagsAllowed =
  1 | // LIVE
  2 | // PEER2PEER
  8 | // PERSIST_DEST
  16 | // UNDEFINE_SOURCE
  32 | // PAUSED
  64 | // NON_SHARED_DISK
  128 | // NON_SHARED_INC
  256 | // CHANGE_PROTECTION
  512 | // UNSAFE
  2048 | // COMPRESSED
  4096 | // ABORT_ON_ERROR
  8192 | // AUTO_CONVERGE
  131_072 | // PARALLEL
  262_144; // NON_SHARED_SYNCHRONOUS_WRITES
// Refused: TUNNELLED (bypasses the memory channel), OFFLINE (moves a definition without a guest),
// RDMA_PIN_ALL, POSTCOPY and POSTCOPY_RESUME (a broken pipe of ours would take the guest with it),
// TLS (needs certificates on both hosts; the tunnel is encrypted already), ZEROCOPY.

/** Parameters of a prepare or finish that change nothing outside the leased migration. */
const parametersAllowed = [
  /^destination_(xml|name)$/,
  /^migrate_(uri|disks|disks_detect_zeroes)$/,
  /^disks_uri$/,
  /^graphics_uri$/,
  /^bandwidth(\..*)?$/,
  /^compression(\..*)?$/,
  /^auto_converge\..*$/,
  /^parallel\..*$/,
];

/** How long a frame with this header may be, for `RpcFrameSplitter`; 0 refuses it. */
export function frameBytesMax(header: RpcHeader): number {
  if (header.program === keepaliveProgram) return rpcHeaderBytes;
  if (header.program !== remoteProgram) return 0;
  return procedures.get(header.procedure)?.bytesMax ?? 0;
}

/** `migrate-prepare3-params (303)`, or the bare numbers of a call that is not on the list. */
export function procedureName(header: RpcHeader): string {
  if (header.program === keepaliveProgram) return `keepalive (${header.procedure})`;
  if (header.program !== remoteProgram)
    return `procedure ${header.procedure} of program 0x${header.program.toString(16)}`;
  const name = procedures.get(header.procedure)?.name;
  return name === undefined ? `procedure ${header.procedure}` : `${name} (${header.procedure})`;
}

/** Whether this call makes the target run the domain: a finish that is not a cancellation. */
export function isOrderToRun(frame: RpcFrame): boolean {
  if (frame.program !== remoteProgram || frame.procedure !== 306) return false;
  // The last word of its payload; what is no finish at all counts as an order.
  return frame.payload.length < 4 || frame.payload.readInt32BE(frame.payload.length - 4) === 0;
}

/** The calls of one lease, over all its connections. */
export class RpcFilter {
  readonly #expected: Expected;
  #prepared = false;

  constructor(expected: Expected) {
    this.#expected = expected;
  }

  /** Whether the domain's definition has gone to libvirtd: the migration is under way. */
  get prepared(): boolean {
    return this.#prepared;
  }

  /** Errors: `call-refused`, with a sentence that says which call and why. */
  check(frame: RpcFrame): Result<null> {
    if (frame.version !== 1) return refused(frame, `protocol version ${frame.version}`);
    if (frame.program === keepaliveProgram) {
      const known = frame.procedure === 1 || frame.procedure === 2;
      return known && frame.type === messageType
        ? success(null)
        : refused(frame, 'not a ping or pong');
    }
    if (frame.program !== remoteProgram || !procedures.has(frame.procedure))
      return refused(frame, 'a migration does not need it');
    if (frame.type !== callType) return refused(frame, `frame type ${frame.type} is not a call`);
    if (frame.bytes.length > frameBytesMax(frame)) return refused(frame, 'it is too long');
    const problem = this.#problem(frame);
    return problem === undefined ? success(null) : refused(frame, problem);
  }

  #problem(frame: RpcFrame): string | undefined {
    switch (frame.procedure) {
      case 1:
        return this.#openProblem(frame.payload);
      case 303:
        return this.#prepareProblem(frame.payload);
      case 306:
        return this.#finishProblem(frame.payload);
      default:
        return undefined;
    }
  }

  #openProblem(payload: Buffer): string | undefined {
    const call = readOpenCall(payload);
    if (!call.ok) return call.message;
    if (call.value.name === null || !this.#expected.driverUris.includes(call.value.name))
      return `it opens ${call.value.name ?? 'the default driver'}`;
    return call.value.flags === 0 ? undefined : `flags ${call.value.flags}`;
  }

  #prepareProblem(payload: Buffer): string | undefined {
    if (this.#prepared) return 'this lease was used already';
    const call = readPrepareCall(payload);
    if (!call.ok) return call.message;
    const { parameters, flags } = call.value;
    const problem = this.#parameterProblem(parameters, flags);
    if (problem !== undefined) return problem;
    const xml = parameters.get('destination_xml');
    if (typeof xml !== 'string') return 'it has no destination XML';
    if (parameters.get('migrate_uri') !== this.#expected.migrateUri)
      return 'its migration URI is not the one agreed on';
    const definition = readDefinition(xml);
    const same = definition.ok ? this.#sameReach(definition.value) : definition;
    if (!same.ok) return same.message;
    this.#prepared = true;
    return undefined;
  }

  #finishProblem(payload: Buffer): string | undefined {
    if (!this.#prepared) return 'nothing was prepared';
    const call = readFinishCall(payload);
    if (!call.ok) return call.message;
    const problem = this.#parameterProblem(call.value.parameters, call.value.flags);
    if (problem !== undefined) return problem;
    if (call.value.parameters.get('destination_name') !== this.#expected.definition.name)
      return 'it is about another domain';
    // libvirt defines the persistent copy of the domain from this cookie.
    const cookie = call.value.cookie;
    const definition = cookie === '' ? success(null) : readCookieDefinition(cookie);
    if (!definition.ok) return definition.message;
    if (definition.value === null) return undefined;
    const same = this.#sameReach(definition.value);
    return same.ok ? undefined : same.message;
  }

  #parameterProblem(
    parameters: ReadonlyMap<string, number | bigint | string>,
    flags: number,
  ): string | undefined {
    const stray = (flags & ~flagsAllowed) >>> 0;
    if (stray !== 0) return `migration flags 0x${stray.toString(16)}`;
    for (const [name, value] of parameters) {
      if (!parametersAllowed.some((pattern) => pattern.test(name))) return `parameter ${name}`;
      if (name === 'destination_name' && value !== this.#expected.definition.name)
        return 'it gives the domain another name';
      if (name === 'migrate_uri' && value !== this.#expected.migrateUri)
        return 'its migration URI is not the one agreed on';
      if (name === 'disks_uri' && value !== this.#expected.disksUri)
        return 'its disks URI is not the one agreed on';
    }
    // Without it QEMU would serve the disks on a TCP port, for anyone to connect to.
    if ((flags & (64 | 128)) !== 0 && !parameters.has('disks_uri'))
      return 'it copies disks without a disks URI';
    return undefined;
  }

  #sameReach(definition: Definition): Result<null> {
    return sameReach(this.#expected.definition, definition, this.#expected.memoryBytesMax);
  }
}

function refused(frame: RpcHeader, why: string): Result<null> {
  return failure('call-refused', `The libvirt call ${procedureName(frame)} was refused: ${why}.`);
}
