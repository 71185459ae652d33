import { describe, expect, it } from 'vitest';
import type { Policy } from '../src/model/model.ts';
import {
  countGroups,
  keepApartViolations,
  keepTogetherViolations,
  receiveViolation,
} from '../src/model/policy.ts';
import { domainId, hostId } from './support/world.ts';

describe('the rules of one claim', () => {
  const claim = (policy: Policy) => ({
    domain: domainId('d1'),
    home: hostId('h1'),
    name: 'web',
    policy,
  });
  const target = (host: string, name: string) => ({ host: hostId(host), name });

  it('let a domain without rules go anywhere', () => {
    expect(receiveViolation(claim({}), target('h2', 'kvm2'))).toBeUndefined();
  });
  it('let a frozen one go home and nowhere else', () => {
    const frozen = claim({ frozen: true });
    expect(receiveViolation(frozen, target('h2', 'kvm2'))).toMatchObject({
      code: 'frozen',
      message: 'web is frozen, so it stays on the host it runs on.',
    });
    expect(receiveViolation(frozen, target('h1', 'kvm1'))).toBeUndefined();
  });
  it('let a pinned one go to the hosts named, by id or by name', () => {
    const pinned = claim({ pin: ['h2', 'kvm3'] });
    expect(receiveViolation(pinned, target('h2', 'kvm2'))).toBeUndefined();
    expect(receiveViolation(pinned, target('h3', 'kvm3'))).toBeUndefined();
    expect(receiveViolation(pinned, target('h4', 'kvm4'))?.message).toBe(
      'web is pinned to h2, kvm3, and kvm4 is not among them.',
    );
  });
});

describe('groups that are kept apart', () => {
  const codes = (before: string[], after: string[]) =>
    keepApartViolations('kvm1', countGroups(before), countGroups(after)).map((v) => v.code);
  it('have one member a host', () => {
    expect(codes([], ['g'])).toEqual([]);
    expect(codes(['g'], ['g', 'g'])).toEqual(['keep-apart']);
    expect(codes(['g'], ['g', 'h'])).toEqual([]);
  });
  it('that are wrong already may get better or stay, not worse', () => {
    expect(codes(['g', 'g', 'g'], ['g', 'g'])).toEqual([]);
    expect(codes(['g', 'g'], ['g', 'g'])).toEqual([]);
    expect(codes(['g', 'g'], ['g', 'g', 'g'])).toEqual(['keep-apart']);
  });
});

describe('groups that are kept together', () => {
  const codes = (
    before: [string[], string[]],
    after: [string[], string[]],
    offered: [string[], string[]] = before,
  ) =>
    keepTogetherViolations(
      ['kvm1', 'kvm2'],
      [countGroups(before[0]), countGroups(before[1])],
      [countGroups(offered[0]), countGroups(offered[1])],
      [countGroups(after[0]), countGroups(after[1])],
    ).map((v) => v.code);
  it('move whole or not at all', () => {
    expect(codes([['t', 't'], []], [[], ['t', 't']])).toEqual([]);
    expect(codes([['t', 't'], []], [['t'], ['t']])).toEqual(['keep-together']);
  });
  it('that are split already come no further apart for what the other host holds and does not offer', () => {
    const [before, offered] = [
      [['t', 't'], ['t']],
      [['t', 't'], []],
    ] as [string[], string[]][];
    if (before === undefined || offered === undefined) throw new Error('both are given');
    expect(codes(before, [['t'], ['t', 't']], offered)).toEqual(['keep-together']);
    expect(codes(before, [[], ['t', 't', 't']], offered)).toEqual([]);
    expect(codes([['t', 't'], []], [['t'], ['t']], [['t'], []])).toEqual(['keep-together']);
  });
  it('that are split already may come together', () => {
    expect(codes([['t', 't'], ['t']], [['t', 't', 't'], []])).toEqual([]);
    expect(codes([['t', 't'], ['t']], [['t'], ['t', 't']])).toEqual([]);
    expect(
      codes(
        [['t', 't', 't'], ['t']],
        [
          ['t', 't'],
          ['t', 't'],
        ],
      ),
    ).toEqual(['keep-together']);
  });
});
