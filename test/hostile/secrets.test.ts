/** No secret in anything that a running agent writes or answers: looked for in the real outputs, byte by byte. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openIdentity } from '../../packages/agent/src/network/identity.ts';
import { readTicket } from '../../packages/agent/src/network/ticket.ts';
import { attacks, keepAttacking } from './attacks.ts';
import { startVictim, type Victim } from './victim.ts';

type Secret = Readonly<{ what: string; texts: readonly Buffer[] }>;

let victim: Victim;
let secrets: readonly Secret[];
beforeAll(async () => {
  victim = await startVictim(10, 'debug');
  secrets = await secretsOf(victim);
  // Something to log: a member that misbehaves, one that is invited, one that is expelled.
  const attack = attacks.find(({ name }) => name === 'signatures');
  const endsAtMs = performance.now() + 2000;
  if (attack !== undefined) await keepAttacking(victim, attack, () => performance.now() > endsAtMs);
  await victim.client.command('expel', { peer: victim.bad });
}, 120_000);
afterAll(() => victim.close());

/** In every form in which they might be written down. */
async function secretsOf({ directory, tickets }: Victim): Promise<Secret[]> {
  const found: Secret[] = [];
  for (const host of ['h1', 'h2']) {
    const file = join(directory, host, 'host.key');
    const identity = await openIdentity(file);
    if (!identity.ok) throw new Error(identity.message);
    const seed = Buffer.from(identity.value.privateKey.raw.subarray(0, 32));
    found.push({ what: `the key of ${host}`, texts: formsOf(seed) });
    const stored = readFileSync(file, 'utf8').trim();
    found.push({ what: `the key file of ${host}`, texts: [Buffer.from(stored.slice(8, 60))] });
  }
  for (const [index, printed] of tickets.entries()) {
    const ticket = readTicket(printed);
    if (!ticket.ok) throw new Error(ticket.message);
    found.push({ what: `the secret of ticket ${index}`, texts: formsOf(ticket.value.secret) });
    found.push({ what: `ticket ${index}`, texts: [Buffer.from(printed.slice(7, 60))] });
  }
  return found;
}

function formsOf(secret: Uint8Array): Buffer[] {
  const bytes = Buffer.from(secret);
  const list = [...bytes].join(',');
  // Base64 of it within something longer looks different at each of three offsets: the middle is the same.
  const inner = [0, 1, 2].map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    return text.slice(4, -6);
  });
  const texts = [bytes.toString('hex'), list, list.replaceAll(',', ', '), ...inner];
  const urls = inner.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  return [bytes, ...[...texts, ...urls].map((text) => Buffer.from(text))];
}

function leaksIn(content: Buffer): string[] {
  return secrets.flatMap(({ what, texts }) =>
    texts.some((text) => content.includes(text)) ? [what] : [],
  );
}

test('the search finds a secret where there is one', () => {
  const key = readFileSync(join(victim.directory, 'h1', 'host.key'));
  expect(leaksIn(key)).toContain('the key file of h1');
  expect(leaksIn(Buffer.from(key.toString(), 'base64'))).toContain('the key of h1');
  expect(leaksIn(Buffer.from(victim.tickets[1] ?? ''))).toContain('ticket 1');
});

test('no file but the key files holds one: logs, journal and receipts, roster, invitations', () => {
  let files = 0;
  for (const entry of readdirSync(victim.directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith('.key')) continue;
    files += 1;
    const path = join(entry.parentPath, entry.name);
    const content = readIfThere(path);
    if (content !== undefined) expect(leaksIn(content), path).toEqual([]);
  }
  expect(files).toBeGreaterThanOrEqual(10);
  expect(victim.logged().map(({ code }) => code)).toContain('expelled');
});

test('no answer to an operator or a peer holds one', async () => {
  const views = ['status', 'peers', 'domains', 'traffic', 'deals', 'moves', 'doctor', 'snapshot'];
  for (const view of views as readonly 'status'[]) {
    for (const peer of [{}, { peer: 'h2' }]) {
      const answer = await victim.client.view(view, peer);
      expect(leaksIn(Buffer.from(JSON.stringify(answer))), view).toEqual([]);
    }
  }
});

test('neither its command line nor its environment tells one, and a core dump holds no memory', () => {
  for (const file of ['cmdline', 'environ']) {
    expect(leaksIn(readFileSync(`/proc/${victim.pid}/${file}`)), file).toEqual([]);
  }
  expect(Number.parseInt(readFileSync(`/proc/${victim.pid}/coredump_filter`, 'utf8'), 16)).toBe(0);
});

/** A file that is being written under another name may have its own name by now, under which it is read as well. */
function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
