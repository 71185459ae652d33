import { age, rate, shortId } from '../format.ts';
import { registerList } from '../read.ts';
import type { Register } from '../register.ts';

export const register: Register = (program, session) =>
  registerList(program, session, {
    name: 'deals',
    description: 'what was agreed with other hosts, and what came of it, newest first',
    empty: 'No deal has been tried yet.',
    columns: (nowMs) => [
      { head: 'DEAL', cell: ({ deal }) => shortId(deal) },
      { head: 'WITH', cell: ({ peer }) => shortId(peer) },
      { head: 'ROLE', cell: ({ role }) => role },
      { head: 'PHASE', cell: ({ phase }) => phase },
      { head: 'GIVES', cell: ({ give }) => give.join(', ') || '-', flexible: true },
      { head: 'TAKES', cell: ({ take }) => take.join(', ') || '-', flexible: true },
      { head: 'GAIN', cell: ({ gainBitsPerSecond }) => rate(gainBitsPerSecond), right: true },
      { head: 'AGE', cell: ({ atMs }) => age(atMs, nowMs), right: true },
      { head: 'WHY', cell: ({ detail }) => detail || '-', flexible: true },
    ],
  });
