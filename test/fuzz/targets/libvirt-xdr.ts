/** Replies and events of libvirtd, as every procedure in use reads them: a value, or an `XdrError`. */

import { domainProcedures } from '../../../packages/libvirt/src/domain-procedures.ts';
import { eventShapes } from '../../../packages/libvirt/src/event.ts';
import {
  connectionProcedures,
  hostProcedures,
} from '../../../packages/libvirt/src/host-procedures.ts';
import { writeTypedParameters } from '../../../packages/libvirt/src/typed-parameter.ts';
import { XdrError, XdrReader, XdrWriter } from '../../../packages/libvirt/src/xdr.ts';
import { mutateBytes } from '../mutate.ts';
import type { Dice } from '../random.ts';
import { broken, type Prepare, target } from '../target.ts';

const readers: readonly ((payload: Buffer) => unknown)[] = [
  ...[domainProcedures, hostProcedures, connectionProcedures].flatMap((group) =>
    Object.values(group).map(({ decode }) => decode as (payload: Buffer) => unknown),
  ),
  ...eventShapes.map((shape) => (payload: Buffer) => shape.read(new XdrReader(payload))),
];

/** Pieces that replies are made of, in any order: numbers, texts, domains, typed parameters, counts. */
function payloadOf(dice: Dice): Buffer {
  const writer = new XdrWriter();
  for (let left = dice.length(8); left > 0; left -= 1) {
    switch (dice.below(7)) {
      case 0:
        writer.uint(dice.oneIn(6) ? dice.word() : dice.below(4));
        break;
      case 1:
        writer.string('web1'.repeat(dice.length(4)));
        break;
      case 2:
        writer.string('web1').fixed(dice.bytes(16)).int(dice.below(5));
        break;
      case 3:
        writeTypedParameters(
          writer,
          Array.from({ length: dice.length(6) }, () => ({
            name: dice.pick(['state.state', 'balloon.current', 'data_total', 'vcpu.current']),
            type: 'ullong',
            value: BigInt(dice.word()),
          })),
        );
        break;
      case 4:
        writer.optionalString(dice.oneIn(2) ? null : 'text');
        break;
      case 5:
        writer.hyper(BigInt(dice.word()));
        break;
      default:
        writer.uint(1);
    }
  }
  return writer.bytes();
}

export const prepare: Prepare = async () =>
  target<Uint8Array>({
    name: 'libvirt-xdr',
    /** The first byte says which reader; the others are what it reads. */
    make(dice) {
      const payload = dice.oneIn(6) ? dice.bytes(dice.length(400)) : payloadOf(dice);
      const hurt = dice.oneIn(3)
        ? payload
        : mutateBytes(dice, payload, payloadOf(dice), 1024 * 1024);
      return Buffer.concat([Buffer.of(dice.below(readers.length)), hurt]);
    },
    read(input) {
      const read = readers[(input[0] ?? 0) % readers.length] ?? broken('there are readers');
      try {
        read(Buffer.from(input.subarray(1)));
      } catch (error) {
        if (!(error instanceof XdrError)) throw error;
      }
    },
  });
