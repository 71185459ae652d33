/**
 * How many bytes a message is on the wire, without encoding it: a tag for each field, strings as
 * they are, numbers as eight bytes. Close to the agents' protobuf frames, and cheap.
 */

const tagBytes = 2;
const numberBytes = 8;

export function messageBytes(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return tagBytes + value.length;
    case 'number':
      return tagBytes + numberBytes;
    case 'object': {
      if (value === null) return 0;
      let bytes = tagBytes;
      if (Array.isArray(value)) for (const item of value) bytes += messageBytes(item);
      else for (const key in value) bytes += messageBytes((value as Record<string, unknown>)[key]);
      return bytes;
    }
    case 'boolean':
      return tagBytes;
    default:
      return 0;
  }
}
