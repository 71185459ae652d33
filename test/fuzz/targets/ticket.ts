/** Tickets: what an operator pastes, with letters missing, doubled or from another ticket. */

import { createHash } from 'node:crypto';
import { printTicket, readTicket } from '../../../packages/agent/src/network/ticket.ts';
import { mutateBytes, mutateText } from '../mutate.ts';
import { broken, type Prepare, target } from '../target.ts';

const host = '12D3KooWQ9uXqPGJDY6wYhNtZ9Xrn4sLDkkpbzmAzj3rjm2rS5rT';

export const prepare: Prepare = async () => {
  const printed = [1, 2, 3].map((number) => {
    const ticket = printTicket({
      cluster: 'c'.repeat(43),
      clusterName: `cluster ${number}`,
      inviter: host as never,
      addresses: Array.from({ length: number }, () => '/ip4/192.0.2.1/tcp/7411'),
      invitation: `id${number}`,
      secret: new Uint8Array(16).fill(number),
    });
    if (!ticket.ok || !readTicket(ticket.value).ok) throw new Error('a good ticket is refused');
    return ticket.value;
  });
  const words = ['barter-', '=', '+', '/', ' ', '\n', 'AAAA', '_-_-'];
  return target<string>({
    name: 'ticket',
    make(dice) {
      const good = dice.pick(printed);
      if (dice.oneIn(3)) return mutateText(dice, good, dice.pick(printed), words, 16_384);
      // With a check sum that is right, so that the codec behind it is reached.
      const body = Buffer.from(good.slice('barter-'.length), 'base64url').subarray(4);
      const bad = mutateBytes(dice, body, dice.bytes(40), 4096);
      const check = createHash('sha256').update(bad).digest().subarray(0, 4);
      return `barter-${Buffer.concat([check, bad]).toString('base64url')}`;
    },
    read(text) {
      const ticket = readTicket(text);
      if (!ticket.ok) return;
      const again = printTicket(ticket.value);
      if (!again.ok) return broken(`what is read can be printed: ${again.message}`);
      const back = readTicket(again.value);
      const twice = back.ok ? printTicket(back.value) : back;
      if (!twice.ok || twice.value !== again.value) broken('a ticket reads back the same');
    },
  });
};
