/**
 * Definitions as the mover's filter compares them. Something forbidden is put where libvirt would act on it; what
 * passes must not name it outside the texts that libvirt does not act on.
 */

import {
  readCookieDefinition,
  readDefinition,
  sameReach,
} from '../../../packages/agent/src/mover/definition.ts';
import { domainXml, gibibyte } from '../../../packages/agent/test/mover/calls.ts';
import { forbidden, goodXml, xmlWords } from '../good-xml.ts';
import { mutateText } from '../mutate.ts';
import { broken, type Prepare, target } from '../target.ts';

/**
 * Whether a forbidden path stands as a whole value where libvirt acts on it; roughly, by expressions, so that
 * this is another reader than the one under test. Libxml2 takes no `<` within an attribute.
 */
export function namesForbidden(xml: string): boolean {
  if (/=\s*('[^']*<|"[^"]*<)/.test(xml)) return false;
  return new RegExp(`<[^<>]*=\\s*['"]\\s*${forbidden}|>\\s*${forbidden}\\s*<`).test(actedOn(xml));
}

/** Without the free text and comments that libvirt keeps and does not act on. */
function actedOn(xml: string): string {
  return xml
    .replace(/<!--[\s\S]*?-->/g, '')
    .replace(/<(metadata|title|description)\b[\s\S]*?<\/\1\s*>/g, '')
    .replace(/<(metadata|title|description)\b[^>]*\/>/g, '');
}

export const prepare: Prepare = async () => {
  const checked = readDefinition(domainXml());
  if (!checked.ok) throw new Error(checked.message);
  return target<string>({
    name: 'mover-xml',
    // A megabyte, the most that one call may carry, takes half a second: in a process of its own, with a lease.
    cpuMsMax: 2000,
    bytesPerByte: 1000,
    make: (dice) => mutateText(dice, dice.pick(goodXml), dice.pick(goodXml), xmlWords, 1024 * 1024),
    read(xml) {
      readCookieDefinition(xml);
      readCookieDefinition(`<qemu-migration>${xml}</qemu-migration>`);
      const read = readDefinition(xml);
      if (!read.ok || !sameReach(checked.value, read.value, gibibyte).ok) return;
      if (/<\?xml\s[^>]*encoding/.test(xml)) broken('a text has one encoding');
      if (namesForbidden(xml)) broken(`${forbidden} passes`);
    },
  });
};
