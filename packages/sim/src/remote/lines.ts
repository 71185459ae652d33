/**
 * One JSON value per line over a stream, bounded: a line that is too long ends the connection, and so
 * does a peer that does not read.
 */

import type { Socket } from 'node:net';

export type LineLimits = Readonly<{ lineBytesMax: number; unsentBytesMax: number }>;

/** Room for a sample of a few thousand domains; anything larger is not ours. */
export const lineLimits: LineLimits = {
  lineBytesMax: 4 * 1024 * 1024,
  unsentBytesMax: 16 * 1024 * 1024,
};

/** Calls `onValue` for every line. A line that is too long or not JSON destroys the socket. */
export function readLines(
  socket: Socket,
  onValue: (value: unknown) => void,
  limits: LineLimits = lineLimits,
): void {
  let parts: string[] = [];
  let length = 0;
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    let start = 0;
    for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', start)) {
      parts.push(chunk.slice(start, end));
      const line = parts.join('');
      parts = [];
      length = 0;
      start = end + 1;
      let value: unknown;
      try {
        value = JSON.parse(line);
      } catch {
        socket.destroy(new Error('a line is not JSON'));
        return;
      }
      onValue(value);
      if (socket.destroyed) return;
    }
    const rest = chunk.slice(start);
    length += rest.length;
    if (length > limits.lineBytesMax) {
      socket.destroy(new Error(`a line is longer than ${limits.lineBytesMax} bytes`));
    } else if (rest !== '') {
      parts.push(rest);
    }
  });
}

/** Sends one line; a peer that has left too much unread is disconnected. */
export function writeLine(socket: Socket, value: unknown, limits: LineLimits = lineLimits): void {
  if (socket.destroyed || !socket.writable) return;
  if (socket.writableLength > limits.unsentBytesMax) {
    socket.destroy(new Error('the peer does not read'));
    return;
  }
  socket.write(`${JSON.stringify(value)}\n`);
}
