/** libvirt's frames as they come from a socket: lengths that lie, cuts anywhere, garbage between. */

import { encodeFrame, FrameReader, headerBytes } from '../../../packages/libvirt/src/frame.ts';
import { mutateBytes } from '../mutate.ts';
import type { Dice } from '../random.ts';
import { broken, type Prepare, target } from '../target.ts';

function frameOf(dice: Dice): Buffer {
  return (
    encodeFrame({
      program: dice.oneIn(5) ? dice.word() : 0x2000_8086,
      version: 1,
      procedure: dice.below(400),
      type: dice.below(4),
      serial: dice.below(100),
      status: dice.below(3),
      payload: dice.bytes(dice.length(3000)),
    }) ?? broken('a small frame can be written')
  );
}

export const prepare: Prepare = async () =>
  target<Uint8Array>({
    name: 'libvirt-frames',
    make(dice) {
      const frames = Buffer.concat(Array.from({ length: 1 + dice.length(5) }, () => frameOf(dice)));
      return dice.oneIn(4) ? frames : mutateBytes(dice, frames, frameOf(dice), 256 * 1024);
    },
    read(input) {
      const bytes = Buffer.from(input);
      const inPieces = readIn(bytes, (at) => 1 + ((at * 37) % 1500));
      const atOnce = readIn(bytes, () => bytes.length);
      if (inPieces.isBroken !== atOnce.isBroken || inPieces.frames.length !== atOnce.frames.length)
        broken('frames do not depend on how the bytes are cut');
      const whole = Buffer.concat(inPieces.frames);
      if (!whole.equals(bytes.subarray(0, whole.length))) broken('frames are what came');
      if (!inPieces.isBroken && bytes.length - whole.length > 4) {
        const length = bytes.readUInt32BE(whole.length);
        if (length < headerBytes) broken('a frame that is too short breaks the stream');
      }
    },
  });

function readIn(bytes: Buffer, step: (at: number) => number) {
  const reader = new FrameReader();
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + step(at);
    const reading = reader.push(bytes.subarray(at, end));
    for (const frame of reading.frames) frames.push(encodeFrame(frame) ?? Buffer.alloc(0));
    if (reading.kind === 'broken') return { frames, isBroken: true };
    at = end;
  }
  return { frames, isBroken: false };
}
