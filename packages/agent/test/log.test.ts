import { generateKeyPair, privateKeyToProtobuf } from '@libp2p/crypto/keys';
import { describe, expect, it } from 'vitest';
import { createLog } from '../src/log.ts';

function record(level: 'debug' | 'info' = 'info') {
  const lines: string[] = [];
  const log = createLog({
    level,
    fields: { host: 'kvm1' },
    stream: { write: (line) => lines.push(line) },
  });
  return { log, lines, last: () => JSON.parse(lines.at(-1) ?? '{}') as Record<string, unknown> };
}

const privateKey = '-----BEGIN PRIVATE KEY-----\nMIIabc\n-----END PRIVATE KEY-----';

describe('the log', () => {
  it('conceals a host’s key as it stands in its file, wherever it turns up', async () => {
    const { log, last } = record();
    const key = Buffer.from(privateKeyToProtobuf(await generateKeyPair('Ed25519'))).toString(
      'base64',
    );
    log.log('error', 'x', `cannot read ${key}: no`, {
      content: `\n${key}\n`,
      error: new Error(key),
    });
    expect(JSON.stringify(last())).not.toContain(key.slice(10, 80));
    expect(last().message).toBe('cannot read [concealed]: no');
  });

  it('writes one JSON object a line, with level, code and message', () => {
    const { log, lines, last } = record();
    log.log('warn', 'probe-full', 'the pair set is full', { bridge: 'br0', elements: 65_535 });
    expect(lines).toHaveLength(1);
    expect(last()).toMatchObject({
      level: 'warn',
      host: 'kvm1',
      code: 'probe-full',
      message: 'the pair set is full',
      bridge: 'br0',
      elements: 65_535,
    });
    expect(Number.isNaN(Date.parse(String(last().time)))).toBe(false);
  });

  it('leaves out what is below its level', () => {
    const { log, lines } = record();
    log.log('debug', 'frame', 'received');
    expect(lines).toEqual([]);
  });

  it('never writes a secret, whatever it is called and wherever it stands', () => {
    const { log, lines } = record();
    log.log('info', 'join', `joining with ${privateKey}`, {
      ticket: 'one-time',
      nested: { privateKey: 'raw', list: [{ keyPem: 'raw' }], note: `see ${privateKey}` },
      key: 'raw',
    });
    expect(lines.join('')).not.toMatch(/one-time|"raw"|MIIabc/);
    expect(lines.join('')).toContain('[concealed]');
  });

  it('keeps numbers and truths whose name only sounds secret', () => {
    const { log, last } = record();
    log.log('info', 'invite', 'ticket made', { ticketsOpen: 3, ticketUsed: false });
    expect(last()).toMatchObject({ ticketsOpen: 3, ticketUsed: false });
  });

  it('is bounded and survives whatever it is given', () => {
    const { log, lines, last } = record();
    const circle: Record<string, unknown> = {
      big: 10n,
      bytes: new Uint8Array(5),
      map: new Map([['a', 1]]),
    };
    circle.self = circle;
    circle.many = Array.from({ length: 10_000 }, (_, i) => 'x'.repeat(i));
    const error = new Error('outer', { cause: new Error('inner') });
    log.log('error', 'odd', 'y'.repeat(100_000), { circle, error });
    expect(lines[0]?.length).toBeLessThan(300_000);
    expect(last()).toMatchObject({
      circle: { big: '10', bytes: '[5 bytes]', map: { a: 1 } },
      error: { message: 'outer', cause: { message: 'inner' } },
    });
  });
});
