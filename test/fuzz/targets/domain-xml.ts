/** Definitions of domains and the policies in them. A policy that cannot be understood must be refused. */

import { parseDomainXml } from '../../../packages/agent/src/hypervisor/domain-xml.ts';
import { readPolicy, writePolicy } from '../../../packages/agent/src/hypervisor/policy-xml.ts';
import { goodXml, xmlWords } from '../good-xml.ts';
import { mutateText } from '../mutate.ts';
import { broken, type Prepare, target } from '../target.ts';

const words = [
  ...xmlWords,
  '<frozen/>',
  '<frozen>false</frozen>',
  '<pin>',
  '</pin>',
  '<pin/>',
  '<keepApart>',
  '</keepApart>',
  '<keepTogether>a</keepTogether>',
  'barter:policy',
  'https://barter.dev/policy/1',
];

export const prepare: Prepare = async () => {
  for (const xml of goodXml) {
    const read = parseDomainXml(xml);
    if (!read.ok || !readPolicy(read.value.metadata).ok) throw new Error('a good one is refused');
  }
  return target<string>({
    name: 'domain-xml',
    bytesPerByte: 600,
    make: (dice) => mutateText(dice, dice.pick(goodXml), dice.pick(goodXml), words, 256 * 1024),
    read(xml) {
      const read = parseDomainXml(xml);
      if (!read.ok) return;
      const { name, memoryBytes, vcpus, interfaces, metadata } = read.value;
      if (name === '' || !(memoryBytes > 0) || !Number.isSafeInteger(memoryBytes) || vcpus < 1)
        broken('a definition has a name, a size and vCPUs');
      for (const { address } of interfaces)
        if (address !== null && !/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(address))
          broken('an address is one');
      const policy = readPolicy(metadata);
      if (!policy.ok) return;
      const written = writePolicy(policy.value);
      const back = parseDomainXml(
        `<domain><name>a</name><uuid>11111111-2222-4333-8444-555555555555</uuid><memory>1</memory><metadata>${(written ?? '').replace('<policy>', "<policy xmlns='https://barter.dev/policy/1'>")}</metadata></domain>`,
      );
      const again = back.ok ? readPolicy(back.value.metadata) : back;
      if (!again.ok) return broken(`a policy can be written: ${again.message}`);
      if (JSON.stringify(again.value) !== JSON.stringify(policy.value))
        broken(`a policy reads back the same: ${JSON.stringify([policy.value, again.value])}`);
    },
  });
};
