/**
 * A domain's placement policy in its libvirt metadata, so that it travels with the domain:
 *
 *     <barter:policy xmlns:barter="https://barter.dev/policy/1">
 *       <frozen/>  <pin>host-a</pin> <pin>host-b</pin>
 *       <keepApart>web</keepApart>  <keepTogether>shop</keepTogether>
 *     </barter:policy>
 *
 * The rule: a policy that cannot be understood freezes the domain. Somebody wanted a limit; which one
 * is not for us to guess.
 */

import type { Policy } from '@barter/core';
import { failure, type Result, success } from '../result.ts';
import { type MetadataElement, object, text } from './domain-xml.ts';

export const policyNamespace = 'https://barter.dev/policy/1';
export const policyPrefix = 'barter';

const keys = ['frozen', 'pin', 'keepApart', 'keepTogether'] as const;
type Key = (typeof keys)[number];

const pinsMax = 64;
const textMax = 256;

/** No policy element = no rules. Errors: `bad-policy` with one sentence. */
export function readPolicy(metadata: readonly MetadataElement[]): Result<Policy> {
  const elements = metadata.filter(
    ({ namespace, name }) => namespace === policyNamespace && name === 'policy',
  );
  if (elements.length === 0) return success({});
  const [element] = elements;
  if (element === undefined || elements.length > 1) return bad('there is more than one');
  const found = new Map<Key, readonly string[]>();
  for (const [tag, value] of Object.entries(object(element.content))) {
    if (tag.startsWith('@')) continue;
    const key = keys.find((known) => known === tag.slice(tag.indexOf(':') + 1));
    if (key === undefined) return bad(`<${tag.slice(0, 64)}> is not one of ${keys.join(', ')}`);
    const values = (Array.isArray(value) ? value : [value]).map((item) => text(item)?.trim() ?? '');
    found.set(key, [...(found.get(key) ?? []), ...values]);
  }
  if (typeof element.content === 'string' && element.content.trim() !== '') {
    return bad('it holds text instead of elements');
  }
  return policyOf(found);
}

function policyOf(found: ReadonlyMap<Key, readonly string[]>): Result<Policy> {
  const frozen = found.get('frozen');
  const pin = found.get('pin');
  const apart = found.get('keepApart');
  const together = found.get('keepTogether');
  if (frozen !== undefined && !frozen.every((value) => ['', 'true'].includes(value))) {
    return bad('frozen is neither empty nor true');
  }
  for (const [name, values] of [
    ['pin', pin],
    ['keepApart', apart],
    ['keepTogether', together],
  ] as const) {
    if (values === undefined) continue;
    if (values.some((value) => value === '' || value.length > textMax)) {
      return bad(`${name} is empty or longer than ${textMax} characters`);
    }
    if (name !== 'pin' && values.length > 1) return bad(`${name} is there more than once`);
  }
  if (pin !== undefined && pin.length > pinsMax)
    return bad(`it pins to more than ${pinsMax} hosts`);
  const [keepApart] = apart ?? [];
  const [keepTogether] = together ?? [];
  return success({
    ...(frozen === undefined ? {} : { frozen: true as const }),
    ...(pin === undefined ? {} : { pin }),
    ...(keepApart === undefined ? {} : { keepApart }),
    ...(keepTogether === undefined ? {} : { keepTogether }),
  });
}

/** The element for libvirt's metadata (libvirt adds prefix and namespace); null for a policy without rules. */
export function writePolicy(policy: Policy): string | null {
  const lines = [
    ...(policy.frozen ? ['<frozen/>'] : []),
    ...(policy.pin ?? []).map((host) => `<pin>${escapeXml(host)}</pin>`),
    ...(policy.keepApart === undefined
      ? []
      : [`<keepApart>${escapeXml(policy.keepApart)}</keepApart>`]),
    ...(policy.keepTogether === undefined
      ? []
      : [`<keepTogether>${escapeXml(policy.keepTogether)}</keepTogether>`]),
  ];
  return lines.length === 0 ? null : `<policy>${lines.join('')}</policy>`;
}

function escapeXml(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

function bad(detail: string): Result<never> {
  return failure(
    'bad-policy',
    `Its policy cannot be read (${detail}); correct it with "barter policy", until then it is frozen.`,
  );
}
