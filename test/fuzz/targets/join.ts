/** The one question and the one answer of somebody who is not a member yet. */

import { encode } from '../../../packages/agent/src/network/wire/codec.ts';
import {
  type JoinAnswer,
  type JoinRequest,
  joinAnswer,
  joinRequest,
  joinRequestBytesMax,
} from '../../../packages/agent/src/network/wire/frame.ts';
import { bytesOf, words } from '../good-messages.ts';
import { type Prepare, target } from '../target.ts';
import { wireTarget } from '../wire.ts';

const questions: readonly JoinRequest[] = [
  { kind: 'ticket', invitation: 'abc', secret: new Uint8Array(16).fill(7), name: 'kvm2' },
  { kind: 'introduce', entries: [new Uint8Array(200), new Uint8Array(0)] },
];
const answers: readonly JoinAnswer[] = [
  {
    kind: 'welcome',
    entries: [new Uint8Array(300)],
    hints: [{ host: 'h' as never, addresses: ['/ip4/192.0.2.1/tcp/7411'] }],
  },
  { kind: 'refused', code: 'ticket-used', message: 'The ticket was used already.' },
];

/** Both as they stand on the wire; which one a target reads is decided by the dice of the input. */
export const prepare: Prepare = async () => {
  const asked = wireTarget({
    name: 'join',
    codec: joinRequest,
    bytesMax: joinRequestBytesMax,
    good: questions.map((each) => bytesOf(encode(joinRequest, each, joinRequestBytesMax))),
    words,
  });
  const answered = wireTarget({
    name: 'join',
    codec: joinAnswer,
    bytesMax: 512 * 1024,
    good: answers.map((each) => bytesOf(encode(joinAnswer, each, joinRequestBytesMax))),
    words,
  });
  return target<Uint8Array>({
    name: 'join',
    make: (dice) => (dice.oneIn(2) ? asked : answered).make(dice) as Uint8Array,
    // Each side must stand what is meant for the other.
    async read(bytes) {
      await asked.read(bytes);
      await answered.read(bytes);
    },
  });
};
