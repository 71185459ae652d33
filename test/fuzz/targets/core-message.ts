/** What the core is told by peers: every message, without the frame around it. */

import { encode } from '../../../packages/agent/src/network/wire/codec.ts';
import { limits } from '../../../packages/agent/src/network/wire/limits.ts';
import { coreMessage } from '../../../packages/agent/src/network/wire/message-codec.ts';
import { bytesOf, coreMessages, words } from '../good-messages.ts';
import type { Prepare } from '../target.ts';
import { wireTarget } from '../wire.ts';

export const prepare: Prepare = async () =>
  wireTarget({
    name: 'core-message',
    codec: coreMessage,
    bytesMax: limits.frameBytes,
    good: coreMessages.map((each) => bytesOf(encode(coreMessage, each, limits.frameBytes))),
    words,
  });
