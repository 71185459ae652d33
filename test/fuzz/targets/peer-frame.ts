/** Frames between members: the outermost thing that a peer sends. */

import { frame } from '../../../packages/agent/src/network/wire/frame.ts';
import { limits } from '../../../packages/agent/src/network/wire/limits.ts';
import { goodFrames, words } from '../good-messages.ts';
import type { Prepare } from '../target.ts';
import { wireTarget } from '../wire.ts';

export const prepare: Prepare = async () =>
  wireTarget({
    name: 'peer-frame',
    codec: frame,
    bytesMax: limits.frameBytes,
    good: goodFrames(),
    words,
  });
