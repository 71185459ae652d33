/**
 * libvirt's RPC frames as a filter needs them: whole frames, header decoded, bytes kept as they came
 * so that what was checked is what is forwarded (src/rpc/virnetprotocol.x: seven 32-bit words, the
 * first of them the frame's length with itself).
 *
 * The rule: a frame's length is judged by its header, before any of its payload is kept.
 */

export const rpcHeaderBytes = 28;

export type RpcHeader = Readonly<{
  program: number;
  version: number;
  procedure: number;
  type: number;
  serial: number;
  status: number;
}>;

export type RpcFrame = RpcHeader & Readonly<{ payload: Buffer; bytes: Buffer }>;

export type Splitting =
  | Readonly<{ ok: true; frames: readonly RpcFrame[] }>
  /** `header` is that of the frame that is refused. */
  | Readonly<{ ok: false; frames: readonly RpcFrame[]; message: string; header: RpcHeader }>;

export class RpcFrameSplitter {
  readonly #bytesMax: (header: RpcHeader) => number;
  #chunks: Buffer[] = [];
  #buffered = 0;
  #needed = rpcHeaderBytes;

  /** `bytesMax`: how long a frame with this header may be; 0 refuses it. */
  constructor(bytesMax: (header: RpcHeader) => number) {
    this.#bytesMax = bytesMax;
  }

  /** Takes the next bytes and returns the frames that they complete. After a refusal, push no more. */
  push(chunk: Buffer): Splitting {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    const frames: RpcFrame[] = [];
    while (this.#buffered >= this.#needed) {
      const joined =
        this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
      this.#chunks = [joined];
      const header = decodeHeader(joined);
      const length = joined.readUInt32BE(0);
      const lengthMax = this.#bytesMax(header);
      if (length < rpcHeaderBytes || length > lengthMax) {
        const message =
          lengthMax === 0
            ? 'a migration does not need it'
            : `a frame of ${length} bytes is outside ${rpcHeaderBytes} to ${lengthMax}`;
        return { ok: false, frames, header, message };
      }
      if (joined.length < length) {
        this.#needed = length;
        break;
      }
      const bytes = joined.subarray(0, length);
      frames.push({ ...header, payload: bytes.subarray(rpcHeaderBytes), bytes });
      const rest = joined.subarray(length);
      this.#chunks = rest.length > 0 ? [rest] : [];
      this.#buffered = rest.length;
      this.#needed = rpcHeaderBytes;
    }
    return { ok: true, frames };
  }
}

function decodeHeader(bytes: Buffer): RpcHeader {
  return {
    program: bytes.readUInt32BE(4),
    version: bytes.readUInt32BE(8),
    procedure: bytes.readUInt32BE(12),
    type: bytes.readUInt32BE(16),
    serial: bytes.readUInt32BE(20),
    status: bytes.readUInt32BE(24),
  };
}
