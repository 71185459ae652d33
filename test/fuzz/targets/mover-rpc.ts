/**
 * A migration's calls as the mover filters them: good sequences damaged, cut anywhere. Whatever passes must be
 * about the leased domain, in frames that are no longer than their procedures allow.
 */

import { readDefinition } from '../../../packages/agent/src/mover/definition.ts';
import { frameBytesMax, RpcFilter } from '../../../packages/agent/src/mover/rpc-filter.ts';
import { RpcFrameSplitter } from '../../../packages/agent/src/mover/rpc-frame.ts';
import {
  domainXml,
  finishCall,
  frame,
  gibibyte,
  openCall,
  prepareCall,
  uuid,
} from '../../../packages/agent/test/mover/calls.ts';
import { forbidden, goodXml, xmlWords } from '../good-xml.ts';
import { mutateBytes, mutateText } from '../mutate.ts';
import type { Dice } from '../random.ts';
import { broken, type Prepare, target } from '../target.ts';
import { namesForbidden } from './mover-xml.ts';

const memoryPath = '/run/barter/migrate/abc/memory.sock';
const disksUri = 'unix:///run/barter/migrate/abc/disks.sock';
const migrateUri = `unix://${memoryPath}`;
const passing = new Set([1, 2, 60, 66, 303, 306, 360, 361]);
const parameters = [
  'destination_xml',
  'destination_name',
  'migrate_uri',
  'disks_uri',
  'listen_address',
  'disks_port',
  'migrate_disks',
  'bandwidth',
];

function callOf(dice: Dice): Buffer {
  const xml = () => {
    const good = dice.pick(goodXml);
    if (dice.oneIn(3)) return good;
    // With a NUL no call can be written; mutated bytes bring those.
    return mutateText(dice, good, dice.pick(goodXml), xmlWords, 65_536).replaceAll('\0', '');
  };
  switch (dice.below(8)) {
    case 0:
      return openCall(
        dice.pick(['qemu:///system', 'lxc:///', 'qemu:///session', null]),
        dice.below(2),
      );
    case 1:
      return frame({ procedure: dice.oneIn(3) ? dice.below(500) : dice.pick([...passing]) });
    case 2:
      return frame({ program: 0x6b65_6570, procedure: dice.below(4), type: dice.below(4) });
    case 3:
      return finishCall({}, `<qemu-migration><name>web1</name>${xml()}</qemu-migration>`);
    case 4: {
      const name = dice.pick(parameters);
      const value = dice.pick([
        migrateUri,
        disksUri,
        'web2',
        'tcp://0.0.0.0:1',
        domainXml(),
        null,
        7,
      ]);
      return prepareCall(memoryPath, { [name]: value }, dice.oneIn(4) ? dice.word() : 27);
    }
    default:
      return prepareCall(memoryPath, { destination_xml: xml() });
  }
}

export const prepare: Prepare = async () => {
  const definition = readDefinition(domainXml());
  if (!definition.ok) throw new Error(definition.message);
  const expected = {
    definition: definition.value,
    memoryBytesMax: gibibyte,
    migrateUri,
    disksUri,
    driverUris: ['qemu:///system'],
  };
  return target<Uint8Array>({
    name: 'mover-rpc',
    cpuMsMax: 2000,
    bytesPerByte: 1000,
    make(dice) {
      const calls = Buffer.concat(Array.from({ length: 1 + dice.length(4) }, () => callOf(dice)));
      if (dice.oneIn(3)) return calls;
      return mutateBytes(dice, calls, callOf(dice), 2 * 1024 * 1024);
    },
    read(input) {
      const filter = new RpcFilter(expected);
      const splitter = new RpcFrameSplitter(frameBytesMax);
      const bytes = Buffer.from(input);
      let forwarded = 0;
      // Cut where it hurts: within headers, and at places that depend on the input.
      for (let at = 0, step = 1; at < bytes.length; at += step, step = 1 + ((at * 31) % 4096)) {
        const split = splitter.push(bytes.subarray(at, at + step));
        for (const each of split.frames) {
          const wasPrepared = filter.prepared;
          if (!filter.check(each).ok) return;
          forwarded += each.bytes.length;
          if (each.program === 0x2000_8086 && !passing.has(each.procedure)) broken('the list');
          if (each.procedure === 303 && each.program === 0x2000_8086) {
            if (wasPrepared) broken('a lease is good for one prepare');
            checkPrepare(each.payload.toString('utf8'));
          }
        }
        if (!split.ok) return;
      }
      if (forwarded > bytes.length) broken('nothing is forwarded that did not come');
    },
  });
};

function checkPrepare(bytes: string): void {
  // These may stand within a text without changing it.
  const payload = bytes.replace(/<\?[\s\S]*?\?>|<!--[\s\S]*?-->|<!\[CDATA\[|\]\]>/g, '');
  const isLeased =
    new RegExp(`<uuid(\\s[^>]*)?>\\s*${uuid}`, 'i').test(payload) &&
    /<name(\s[^>]*)?>web1<\/name\s*>/.test(payload);
  if (!isLeased) broken('a prepare is about the leased domain');
  if (!payload.includes(migrateUri)) broken('a prepare goes to the agreed socket');
  const start = payload.indexOf('<domain');
  const end = payload.lastIndexOf('</domain>');
  if (namesForbidden(payload.slice(start, end))) broken(`${forbidden} passes`);
}
