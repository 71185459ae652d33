import type { DomainId, HostId, Log, Message } from '@barter/core';
import { beforeEach, expect, test } from 'vitest';
import { Conduct } from '../src/conduct.ts';

const bad = 'bad' as HostId;
const here = (domain: string) => domain.startsWith('ours');
const announce = (...domains: string[]): Message => ({
  kind: 'announce',
  id: 1,
  domains: domains.map((domain) => ({
    domain: domain as DomainId,
    name: domain,
    holder: bad,
    version: 9,
    addresses: [],
  })),
});

let lines: string[];
let suspected: string[];
let conduct: Conduct;
beforeEach(() => {
  lines = [];
  suspected = [];
  const log: Log = { log: (_level, code) => lines.push(code) };
  conduct = new Conduct(log, (peer, problem) => suspected.push(`${peer}: ${problem}`));
});

test.each(['summary-stranger', 'deal-stranger', 'deal-violation'])(
  '%s is told of to the peer network, which logs it as long as it listens to the peer',
  (code) => {
    conduct.log.log('warn', code, 'It lied.', { peer: bad });
    expect(suspected).toEqual([`bad: ${code}: It lied.`]);
    expect(lines).toEqual([]);
  },
);

test('everything else is logged and held against nobody', () => {
  conduct.log.log('info', 'deal-committed', 'A deal.', { peer: bad });
  conduct.log.log('warn', 'deal-violation', 'Of nobody in particular.');
  expect(suspected).toEqual([]);
  expect(lines).toEqual(['deal-committed', 'deal-violation']);
});

test('a VM that runs here and is announced elsewhere counts against who announced it, once', () => {
  conduct.heard(bad, announce('ours-1', 'theirs-1'), here);
  const found = { domain: 'ours-1', peer: bad };
  conduct.log.log('warn', 'two-homes', 'ours-1 runs here.', found);
  conduct.log.log('warn', 'two-homes', 'ours-1 runs here.', found);
  expect(suspected).toEqual(['bad: ours-1 runs here.']);
  // The alarm itself is for the operator: it may be true.
  expect(lines).toEqual(['two-homes', 'two-homes']);
});

test('nobody is blamed for what others say of it', () => {
  conduct.heard(bad, announce('ours-1'), here);
  conduct.log.log('warn', 'two-homes', 'ours-1 runs here.', { domain: 'ours-1', peer: 'honest' });
  conduct.heard(bad, announce('theirs-1'), here);
  conduct.log.log('warn', 'two-homes', 'theirs-1.', { domain: 'theirs-1', peer: bad });
  expect(suspected).toEqual([]);
});
