import { rate, shortId } from '../format.ts';
import { registerList } from '../read.ts';
import type { Register } from '../register.ts';

export const register: Register = (program, session) =>
  registerList(program, session, {
    name: 'traffic',
    description: 'pairs of virtual machines that talk, dearest first',
    empty: 'No traffic between virtual machines has been measured yet.',
    columns: () => [
      { head: 'VM', cell: ({ a }) => a, flexible: true },
      { head: 'ON', cell: ({ aHost }) => (aHost === null ? '-' : shortId(aHost)) },
      { head: 'TALKS TO', cell: ({ b }) => b, flexible: true },
      { head: 'ON', cell: ({ bHost }) => (bHost === null ? '-' : shortId(bHost)) },
      { head: 'RATE', cell: ({ bitsPerSecond }) => rate(bitsPerSecond), right: true },
      { head: 'COST', cell: ({ cost }) => rate(cost), right: true },
    ],
  });
