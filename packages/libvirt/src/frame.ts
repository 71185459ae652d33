/**
 * libvirt's frames: a length word that counts itself, a header of six words, a payload
 * (src/rpc/virnetprotocol.x). `FrameReader` cuts a byte stream into frames and refuses a length
 * outside the protocol's bounds before it keeps a single byte of that frame's payload.
 */

/** VIR_NET_MESSAGE_MAX (32 MiB) and the length word. */
export const frameBytesMax = 32 * 1024 * 1024 + 4;
export const headerBytes = 28;

export const messageType = { call: 0, reply: 1, message: 2, stream: 3 } as const;
export const messageStatus = { ok: 0, error: 1, continue: 2 } as const;

export type Frame = Readonly<{
  program: number;
  version: number;
  procedure: number;
  type: number;
  serial: number;
  status: number;
  payload: Buffer;
}>;

/** Returns undefined when the payload is too large for one frame. */
export function encodeFrame(frame: Frame): Buffer | undefined {
  const length = headerBytes + frame.payload.length;
  if (length > frameBytesMax) return undefined;
  const header = Buffer.allocUnsafe(headerBytes);
  header.writeUInt32BE(length, 0);
  header.writeUInt32BE(frame.program, 4);
  header.writeUInt32BE(frame.version, 8);
  header.writeInt32BE(frame.procedure, 12);
  header.writeUInt32BE(frame.type, 16);
  header.writeUInt32BE(frame.serial, 20);
  header.writeUInt32BE(frame.status, 24);
  return Buffer.concat([header, frame.payload]);
}

function decodeFrame(bytes: Buffer): Frame {
  return {
    program: bytes.readUInt32BE(4),
    version: bytes.readUInt32BE(8),
    procedure: bytes.readInt32BE(12),
    type: bytes.readUInt32BE(16),
    serial: bytes.readUInt32BE(20),
    status: bytes.readUInt32BE(24),
    payload: bytes.subarray(headerBytes),
  };
}

export type FrameReading =
  | Readonly<{ kind: 'frames'; frames: readonly Frame[] }>
  /** The stream cannot be read on: where the next frame begins is not known. */
  | Readonly<{ kind: 'broken'; detail: string; frames: readonly Frame[] }>;

export class FrameReader {
  // A list, joined when a frame is complete: joining at every chunk would copy a large frame
  // once for each of its chunks.
  #chunks: Buffer[] = [];
  #buffered = 0;
  #needed = 4;

  /** Takes the next bytes of the stream and returns the frames that they complete. */
  push(chunk: Buffer): FrameReading {
    this.#chunks.push(chunk);
    this.#buffered += chunk.length;
    const frames: Frame[] = [];
    while (this.#buffered >= this.#needed) {
      const bytes = this.#join();
      const length = bytes.readUInt32BE(0);
      if (length < headerBytes || length > frameBytesMax) {
        this.#chunks = [];
        this.#buffered = 0;
        return {
          kind: 'broken',
          detail: `a frame of ${length} bytes is outside ${headerBytes} to ${frameBytesMax}`,
          frames,
        };
      }
      if (bytes.length < length) {
        this.#needed = length;
        break;
      }
      frames.push(decodeFrame(bytes.subarray(0, length)));
      const rest = bytes.subarray(length);
      this.#chunks = rest.length > 0 ? [rest] : [];
      this.#buffered = rest.length;
      this.#needed = 4;
    }
    return { kind: 'frames', frames };
  }

  #join(): Buffer {
    const [first, ...others] = this.#chunks;
    if (first === undefined) return Buffer.alloc(0);
    if (others.length === 0) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}
