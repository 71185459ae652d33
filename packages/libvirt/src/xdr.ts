/**
 * XDR (RFC 4506), as far as libvirt's protocol uses it: big-endian words, padded to four bytes.
 *
 * The rule: nothing is allocated because the other side says so. Every length is checked against
 * its limit and against the bytes that are there before anything is made of it; what does not fit is
 * an `XdrError`, never a crash and never a value that is partly wrong.
 */

/** The bytes are not what the procedure's shape says, or a value does not fit its field. */
export class XdrError extends Error {
  override readonly name = 'XdrError';
}

/** REMOTE_STRING_MAX: the longest string and opaque that libvirt sends or takes. */
export const stringBytesMax = 4 * 1024 * 1024;

const u32Max = 0xffff_ffff;

function padding(length: number): number {
  return (4 - (length % 4)) % 4;
}

export class XdrWriter {
  readonly #parts: Buffer[] = [];

  uint(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > u32Max) {
      throw new XdrError(`${value} is not an unsigned 32-bit number`);
    }
    const word = Buffer.allocUnsafe(4);
    word.writeUInt32BE(value);
    return this.#push(word);
  }

  int(value: number): this {
    if (!Number.isInteger(value) || value < -0x8000_0000 || value > 0x7fff_ffff) {
      throw new XdrError(`${value} is not a signed 32-bit number`);
    }
    const word = Buffer.allocUnsafe(4);
    word.writeInt32BE(value);
    return this.#push(word);
  }

  boolean(value: boolean): this {
    return this.uint(value ? 1 : 0);
  }

  hyper(value: bigint): this {
    if (BigInt.asIntN(64, value) !== value) {
      throw new XdrError(`${value} is not a signed 64-bit number`);
    }
    const word = Buffer.allocUnsafe(8);
    word.writeBigInt64BE(value);
    return this.#push(word);
  }

  uhyper(value: bigint): this {
    if (BigInt.asUintN(64, value) !== value) {
      throw new XdrError(`${value} is not an unsigned 64-bit number`);
    }
    const word = Buffer.allocUnsafe(8);
    word.writeBigUInt64BE(value);
    return this.#push(word);
  }

  double(value: number): this {
    const word = Buffer.allocUnsafe(8);
    word.writeDoubleBE(value);
    return this.#push(word);
  }

  /** Bytes of a length that both sides know. */
  fixed(bytes: Uint8Array): this {
    this.#push(Buffer.from(bytes));
    return this.#push(Buffer.alloc(padding(bytes.length)));
  }

  opaque(bytes: Uint8Array): this {
    if (bytes.length > stringBytesMax) {
      throw new XdrError(`${bytes.length} bytes are more than the ${stringBytesMax} of one field`);
    }
    return this.uint(bytes.length).fixed(bytes);
  }

  string(value: string): this {
    // A C string ends at its first NUL: libvirt would see less than was sent.
    if (value.includes('\0')) throw new XdrError('a string contains a NUL character');
    return this.opaque(Buffer.from(value, 'utf8'));
  }

  optionalString(value: string | null): this {
    return value === null ? this.uint(0) : this.uint(1).string(value);
  }

  array<Item>(items: readonly Item[], write: (item: Item) => void): this {
    this.uint(items.length);
    for (const item of items) write(item);
    return this;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }

  #push(part: Buffer): this {
    this.#parts.push(part);
    return this;
  }
}

export class XdrReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset;
  }

  uint(): number {
    return this.#take(4).readUInt32BE();
  }

  int(): number {
    return this.#take(4).readInt32BE();
  }

  /** XDR knows 0 and 1 only; libvirt also sends other numbers for true. */
  boolean(): boolean {
    return this.int() !== 0;
  }

  hyper(): bigint {
    return this.#take(8).readBigInt64BE();
  }

  uhyper(): bigint {
    return this.#take(8).readBigUInt64BE();
  }

  double(): number {
    return this.#take(8).readDoubleBE();
  }

  fixed(length: number): Buffer {
    const bytes = this.#take(length);
    this.#take(padding(length));
    return bytes;
  }

  opaque(bytesMax: number = stringBytesMax): Buffer {
    const length = this.uint();
    if (length > bytesMax) {
      throw new XdrError(`a field of ${length} bytes is longer than the ${bytesMax} allowed`);
    }
    return this.fixed(length);
  }

  string(bytesMax: number = stringBytesMax): string {
    return this.opaque(bytesMax).toString('utf8');
  }

  optional<Value>(read: () => Value): Value | null {
    return this.uint() === 0 ? null : read();
  }

  optionalString(): string | null {
    return this.optional(() => this.string());
  }

  /** `itemBytesMin` is the least that one item takes: more items than the bytes can hold are refused unread. */
  array<Item>(countMax: number, itemBytesMin: number, read: () => Item): Item[] {
    const count = this.uint();
    if (count > countMax)
      throw new XdrError(`an array of ${count} items is longer than ${countMax}`);
    if (count * itemBytesMin > this.remaining) {
      throw new XdrError(`an array of ${count} items does not fit into ${this.remaining} bytes`);
    }
    const items: Item[] = [];
    for (let index = 0; index < count; index += 1) items.push(read());
    return items;
  }

  #take(length: number): Buffer {
    if (length > this.remaining) {
      throw new XdrError(`${length} bytes were expected and ${this.remaining} are left`);
    }
    const start = this.#offset;
    this.#offset = start + length;
    return this.#bytes.subarray(start, start + length);
  }
}
