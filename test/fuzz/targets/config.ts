/** The configuration: a file that works with lines exchanged, indented wrongly, and YAML's own surprises. */

import { readFileSync } from 'node:fs';
import { parseConfig } from '../../../packages/agent/src/config/load.ts';
import { mutateText } from '../mutate.ts';
import { broken, type Prepare, target } from '../target.ts';

const sample = readFileSync(new URL('../../../deploy/barter.yaml', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => /^#?\s*[a-zA-Z]+:/.test(line.replace('#', '')))
  .map((line) => line.replace('#', ''));
/** Its sections, so that an input has a few of them. */
const sections = sample
  .join('\n')
  .split(/\n(?=\S)/)
  .map((each) => `${each}\n`);
const words = [
  ...new Set(sample.join('\n').match(/[A-Za-z]+|[0-9.]+[A-Za-z%]*/g) ?? []),
  '400Mbit',
  '2GiB',
  '10%',
  '-5',
  '1e300',
  'Mon-Fri 22:00-06:00',
  '\n',
  '\n  ',
  ': ',
  '[',
  ']',
  '{',
  '}',
  '&a',
  '*a',
  '<<: *a',
  '!!set',
  '|',
  '>-',
  '---\n',
];

export const prepare: Prepare = async () =>
  target<string>({
    name: 'config',
    // The parser compares every key of a section with every other; the file is bounded, and root's own.
    cpuMsMax: 1000,
    bytesPerByte: 2000,
    make(dice) {
      const text = Array.from({ length: 1 + dice.length(5) }, () => dice.pick(sections)).join('');
      // Larger ones are refused unread.
      return mutateText(dice, text, dice.pick(sections), words, 16 * 1024);
    },
    read(text) {
      const read = parseConfig(text, 'fuzz.yaml');
      if (read.ok) {
        if (JSON.stringify(read.value).includes('null,null')) broken('no value is missing');
        return;
      }
      if (read.problems.length === 0) broken('a refusal names what is wrong');
      for (const { path, message } of read.problems)
        if (typeof path !== 'string' || message === '')
          broken('a problem has a place and a sentence');
    },
  });
