/** A policy travels in the domain's metadata, and one that cannot be understood holds the domain where it is. */

import type { Policy } from '@barter/core';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDomainXml } from '../../src/hypervisor/domain-xml.ts';
import { policyNamespace, readPolicy, writePolicy } from '../../src/hypervisor/policy-xml.ts';

const uuid = '6695eb01-f6a4-8304-79aa-97f2502e193f';

function policyIn(metadata: string) {
  const parsed = parseDomainXml(
    `<domain><name>x</name><uuid>${uuid}</uuid><memory>1024</memory><metadata>${metadata}</metadata></domain>`,
  );
  if (!parsed.ok) throw new Error(parsed.message);
  return readPolicy(parsed.value.metadata);
}

/** As libvirt stores it: the prefix and the namespace are its own addition. */
function stored(element: string): string {
  const prefixed = element.replaceAll(/<(\/?)/g, '<$1barter:');
  return prefixed.replace('<barter:policy', `<barter:policy xmlns:barter="${policyNamespace}"`);
}

const word = fc
  .string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 20 })
  .map((value) => value.trim())
  .filter((value) => value !== '');

test('what is written is read back, whatever the names are', () => {
  const policies: fc.Arbitrary<Policy> = fc.record(
    {
      frozen: fc.constant(true as const),
      pin: fc.array(word, { minLength: 1, maxLength: 5 }),
      keepApart: word,
      keepTogether: word,
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(policies, (policy) => {
      const element = writePolicy(policy);
      const read = element === null ? policyIn('') : policyIn(stored(element));
      expect(read).toEqual({ ok: true, value: policy });
    }),
  );
});

describe('reading', () => {
  const wrap = (inner: string) => `<b:policy xmlns:b="${policyNamespace}">${inner}</b:policy>`;

  test('an administrator may write it without prefixes', () => {
    const xml = `<policy xmlns="${policyNamespace}"><frozen>true</frozen><pin>h1</pin><pin>h2</pin></policy>`;
    expect(policyIn(xml)).toEqual({ ok: true, value: { frozen: true, pin: ['h1', 'h2'] } });
  });

  test('another program’s metadata is none of ours', () => {
    const xml = '<a:policy xmlns:a="https://other.example/"><a:frozen/></a:policy>';
    expect(policyIn(xml)).toEqual({ ok: true, value: {} });
  });

  test.each([
    ['an unknown key', wrap('<b:pinned>h1</b:pinned>')],
    ['frozen: false, which might mean anything', wrap('<b:frozen>false</b:frozen>')],
    ['an empty pin', wrap('<b:pin/>')],
    [
      'two groups to be kept apart from',
      wrap('<b:keepApart>a</b:keepApart><b:keepApart>b</b:keepApart>'),
    ],
    ['text where elements belong', wrap('frozen please')],
    ['more pins than there can be hosts', wrap('<b:pin>h</b:pin>'.repeat(65))],
    ['a group name of a book’s length', wrap(`<b:keepApart>${'x'.repeat(300)}</b:keepApart>`)],
    ['two policies', wrap('<b:frozen/>') + wrap('<b:pin>h1</b:pin>')],
  ])('%s is refused with a sentence', (_, xml) => {
    const read = policyIn(xml);
    expect(read).toMatchObject({ ok: false, code: 'bad-policy' });
    expect(!read.ok && read.message).toContain('frozen');
  });
});
