import type { DealId, DomainId, HostId } from '@barter/core';
import { expect, test } from 'vitest';
import { Allowance } from '../../src/network/allowance.ts';
import type { Frame } from '../../src/network/wire/frame.ts';

const frames = {
  seek: { kind: 'core', message: { kind: 'seek', domains: [], addresses: [] } },
  accept: {
    kind: 'core',
    message: { kind: 'accept', deal: 'd' as DealId, exchange: { give: [], take: [] } } as never,
  },
  renew: {
    kind: 'core',
    message: { kind: 'renew', domain: 'v' as DomainId, version: 1 },
  },
  request: { kind: 'request', id: 1, name: 'view', json: new Uint8Array() },
  answer: { kind: 'answer', id: 1, json: new Uint8Array() },
  roster: { kind: 'roster', entries: [] },
  there: { kind: 'there' },
  hints: { kind: 'hints', hints: [{ host: 'h' as HostId, addresses: [] }] },
} satisfies Record<string, Frame>;

/** How many of a sort are let through in a while, and whether it ended with being shut out. */
function sent(frame: Frame, perSecond: number, seconds: number) {
  let nowMs = 0;
  const allowance = new Allowance(() => nowMs);
  let [allowed, floods] = [0, false];
  for (let index = 0; index < perSecond * seconds && !floods; index += 1) {
    const verdict = allowance.take(frame);
    if (verdict === 'allowed') allowed += 1;
    floods = typeof verdict === 'object';
    nowMs += 1000 / perSecond;
  }
  return { allowed, floods };
}

test.each([
  ['accept', 1],
  ['seek', 20],
  ['renew', 200],
  ['request', 10],
  ['roster', 2],
  ['there', 10],
  ['hints', 10],
] as const)('an honest peer may send %s %i times a second for ever', (kind, perSecond) => {
  expect(sent(frames[kind], perSecond, 3600)).toEqual({
    allowed: perSecond * 3600,
    floods: false,
  });
});

test.each(['accept', 'seek', 'renew', 'request', 'roster', 'there', 'hints'] as const)(
  'a thousand %s a second are a flood within seconds, however few are let through',
  (kind) => {
    const { allowed, floods } = sent(frames[kind], 1000, 30);
    expect(floods).toBe(true);
    expect(allowed).toBeLessThan(8000);
  },
);

test('fifteen of the largest books a second are a flood within ten seconds', () => {
  const { allowed, floods } = sent(frames.accept, 15, 10);
  expect(floods).toBe(true);
  expect(allowed).toBeLessThan(40);
});

test('answers to what this host asked are not counted', () => {
  expect(sent(frames.answer, 1000, 30)).toEqual({ allowed: 30_000, floods: false });
});

test('one sort that is used up leaves the others theirs', () => {
  const allowance = new Allowance(() => 0);
  for (let index = 0; index < 30; index += 1) allowance.take(frames.accept);
  expect(allowance.take(frames.accept)).toBe('dropped');
  expect(allowance.take(frames.renew)).toBe('allowed');
});
