/**
 * One QEMU's own monitor (QMP, qemu-qmp-ref): whether it runs its guest, and when that changed, by the
 * QEMU's own clock. No libvirtd is needed for it.
 */

import { connect, type Socket } from 'node:net';

export type QemuNews = Readonly<{ running: boolean; atMs: number }>;

type Line = Readonly<{
  QMP?: unknown;
  return?: Readonly<{ running?: boolean }>;
  event?: string;
  timestamp?: Readonly<{ seconds: number; microseconds: number }>;
}>;

export type QmpConnection = Readonly<{ close(): void }>;

/**
 * Connects and reports the state at once and at every change (STOP, RESUME). `onEnd` is called once, when the
 * monitor is gone or was never reached; the QEMU may live on.
 */
export function watchQemu(
  path: string,
  onNews: (news: QemuNews) => void,
  onEnd: () => void,
): QmpConnection {
  const socket: Socket = connect(path);
  let text = '';
  let ended = false;
  const end = () => {
    if (ended) return;
    ended = true;
    socket.destroy();
    onEnd();
  };
  const say = (command: string) => socket.write(`${JSON.stringify({ execute: command })}\n`);
  const hear = (line: Line) => {
    if (line.QMP !== undefined) {
      say('qmp_capabilities');
      say('query-status');
    } else if (line.return?.running !== undefined) {
      onNews({ running: line.return.running, atMs: Date.now() });
    } else if (line.event === 'STOP' || line.event === 'RESUME') {
      const { seconds = 0, microseconds = 0 } = line.timestamp ?? {};
      onNews({ running: line.event === 'RESUME', atMs: seconds * 1000 + microseconds / 1000 });
    }
  };
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    text += chunk;
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
      const line = parse(text.slice(0, at));
      text = text.slice(at + 1);
      if (line) hear(line);
    }
  });
  socket.on('error', end);
  socket.on('close', end);
  return { close: end };
}

function parse(line: string): Line | undefined {
  try {
    return JSON.parse(line) as Line;
  } catch {
    return undefined;
  }
}
