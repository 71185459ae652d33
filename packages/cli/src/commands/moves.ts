import type { MoveView } from '@barter/agent/api.ts';
import { age, byteRate, bytes, elapsed, percent, shortId } from '../format.ts';
import { registerList } from '../read.ts';
import type { Register } from '../register.ts';

export const register: Register = (program, session) =>
  registerList(program, session, {
    name: 'moves',
    description: 'live migrations: recommended, under way and done, newest first',
    empty: 'No virtual machine has been moved yet.',
    columns: (nowMs) => [
      { head: 'ID', cell: ({ settlement }) => shortId(settlement) },
      { head: 'VM', cell: ({ name }) => name, flexible: true },
      { head: 'FROM', cell: ({ from }) => shortId(from) },
      { head: 'TO', cell: ({ to }) => shortId(to) },
      { head: 'PHASE', cell: ({ phase }) => phase },
      { head: 'SENT', cell: sent, right: true },
      { head: 'TOOK', cell: (move) => took(move, nowMs), right: true },
      {
        head: 'PAUSED',
        cell: ({ downtimeMs }) => (downtimeMs === null ? '-' : `${downtimeMs} ms`),
        right: true,
      },
      {
        head: 'AGE',
        cell: ({ startedAtMs }) => (startedAtMs === null ? '-' : age(startedAtMs, nowMs)),
        right: true,
      },
      { head: 'WHY', cell: ({ detail }) => detail || '-', flexible: true },
    ],
  });

function sent({ bytesSent, bytesRemaining, bytesPerSecond, endedAtMs }: MoveView): string {
  if (bytesSent === 0) return '-';
  if (endedAtMs !== null || bytesRemaining === 0) return bytes(bytesSent);
  return `${percent(bytesSent, bytesSent + bytesRemaining)} at ${byteRate(bytesPerSecond)}`;
}

function took({ startedAtMs, endedAtMs }: MoveView, nowMs: number): string {
  return startedAtMs === null ? '-' : elapsed(startedAtMs, endedAtMs ?? nowMs);
}
