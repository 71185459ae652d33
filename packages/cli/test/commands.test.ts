import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runCommandLine } from '../src/program.ts';
import { deal, type FakeAgent, move, peers, startFakeAgent, status } from './fake-agent.ts';
import { fakeTerminal } from './fake-terminal.ts';

type Ran = { code: number; out: string; error: string };

async function barter(words: readonly string[], input = ''): Promise<Ran> {
  const terminal = fakeTerminal({ input: async () => input });
  const code = await runCommandLine(words, terminal);
  return { code, ...terminal.written() };
}

describe('barter', () => {
  let agent: FakeAgent;
  beforeEach(async () => {
    agent = await startFakeAgent();
  });
  afterEach(() => agent.close());

  const ask = (...words: string[]) => barter(['--socket', agent.socketPath, ...words]);

  describe('reading', () => {
    it.each([
      ['status', status],
      ['peers', peers],
      ['domains', []],
      ['deals', [deal]],
      ['moves', [move]],
    ])('%s --json prints the answer as one document and nothing else', async (name, expected) => {
      const { code, out, error } = await ask(name, '--json');
      expect({ code, error }).toEqual({ code: 0, error: '' });
      expect(JSON.parse(out)).toEqual(expected);
    });

    it.each(['status', 'peers', 'domains', 'traffic', 'deals', 'moves'])(
      '%s asks about another host with --peer, and explains in one sentence when it is dead',
      async (name) => {
        expect((await ask(name, '--peer', 'kvm2')).code).toBe(0);
        expect(agent.asked.at(-1)).toMatchObject({ name, with: { peer: 'kvm2' } });
        expect(await ask(name, '--peer', 'kvm3')).toEqual({
          code: 1,
          out: '',
          error: 'barter: kvm3 is not connected: is its agent running?',
        });
      },
    );

    it('tables have a head and one line a row; control characters of others stay out', async () => {
      const { out } = await ask('peers');
      const lines = out.split('\n');
      expect(lines).toHaveLength(3);
      expect(lines[0]).toMatch(/^NAME +HOST +STATE +MODE +LOCATION +VMS +MEMORY +CPU +NIC +HEARD$/);
      expect(lines[1]).toMatch(
        /^kvm2 +…dEfGhJkM +connected +auto +pod1\/rack4 +4 +50% +3\.25\/16 +220 Mbit\/s +3s ago$/,
      );
      expect(lines[2]).toMatch(/unreachable.* never$/);
      expect(out).not.toContain('\u001b');
    });

    it('an empty table is a sentence', async () => {
      expect(await ask('domains')).toEqual({
        code: 0,
        error: '',
        out: 'No virtual machine is running here, and no claim is held here.',
      });
    });

    it('--limit goes to the agent', async () => {
      await ask('deals', '--limit', '7');
      expect(agent.asked).toEqual([{ name: 'deals', with: { limit: 7 } }]);
    });

    it('global options may stand before or after the command', async () => {
      expect((await barter(['status', '--socket', agent.socketPath])).code).toBe(0);
      expect((await barter([`--socket=${agent.socketPath}`, 'status'])).code).toBe(0);
    });

    it('the socket can come from the configuration', async () => {
      const file = join(agent.directory, 'barter.yaml');
      await writeFile(file, `control: { socket: ${agent.socketPath} }`);
      expect((await barter(['status', '--config', file])).code).toBe(0);
    });

    it('without an agent it says so, and how to start one', async () => {
      const gone = join(agent.directory, 'gone.sock');
      const { code, out, error } = await barter(['status', '--socket', gone]);
      expect({ code, out }).toEqual({ code: 1, out: '' });
      expect(error).toContain(`no agent is running at ${gone}: start it with`);
      expect(error.split('\n')).toHaveLength(1);
    });
  });

  describe('acting', () => {
    it.each([
      [['mode', 'auto'], 'mode', { mode: 'auto' }, 'The mode of this host is auto now.'],
      [['resume'], 'resume', { all: false }, 'Trading again: kvm1.'],
      [['expel', 'kvm3'], 'expel', { peer: 'kvm3' }, undefined],
      [['approve', 'settle-1'], 'approve', { id: 'settle-1' }, 'Approved: settle-1.'],
      [['reject', 'settle-1'], 'reject', { id: 'settle-1' }, 'Rejected: settle-1.'],
      [
        ['abort', 'web-3'],
        'abort-migration',
        { domain: 'web-3' },
        'The migration of web-3 is being aborted.',
      ],
      [
        ['abort', 'web-3', '--target-gone', 'kvm3'],
        'target-gone',
        { domain: 'web-3', target: 'kvm3' },
        'The migration of web-3 to kvm3 has ended, and how is not known: kvm3 is gone for ever, as you say. Start web-3 by hand, on one host, if it runs nowhere; where it runs on another one by now, virsh undefine it here.',
      ],
      [
        ['resume', 'web-3', '--not-running-on', 'kvm3'],
        'let-run-on',
        { domain: 'web-3', notRunningOn: 'kvm3' },
        'web-3 runs on here: it does not run on kvm3, as you say.',
      ],
      [['resume', 'web-3'], 'let-run-on', { domain: 'web-3' }, undefined],
    ])('%j', async (words, name, body, sentence) => {
      const { code, out } = await ask(...words);
      expect(agent.asked).toEqual([{ name, with: body }]);
      if (sentence !== undefined) expect({ code, out }).toEqual({ code: 0, out: sentence });
    });

    it('stop --all is a failure as long as one host may go on', async () => {
      const { code, out, error } = await ask('stop', '--all');
      expect(agent.asked).toEqual([{ name: 'stop', with: { all: true } }]);
      expect(out).toBe('Stopped: kvm1, kvm2.\nNot reached: kvm3.');
      expect(code).toBe(1);
      expect(error).toContain('1 of the hosts were not reached');
    });

    it('invite prints the ticket alone on standard output', async () => {
      const { code, out, error } = await ask('invite', '--minutes', '90');
      expect({ code, out }).toEqual({ code: 0, out: 'barter-TICKET' });
      expect(error).toContain('within 1h 30m');
      expect(agent.asked).toEqual([{ name: 'invite', with: { expiresInSeconds: 5400 } }]);
      expect(JSON.parse((await ask('invite', '--json')).out)).toMatchObject({
        ticket: 'barter-TICKET',
      });
    });
  });

  describe('wrong usage exits 2 and says what is right', () => {
    it.each([
      [['statsu'], 'Did you mean status?'],
      [['status', '--jsn'], 'Did you mean --json?'],
      [['mode', 'wild'], 'Allowed choices are observe, advise, auto'],
      [['mode'], "missing required argument 'mode'"],
      [['deals', '--limit', '0'], 'expected a whole number from 1 to 1000'],
      [['invite', '--minutes', 'ten'], 'expected a whole number of minutes'],
      [['join'], "missing required argument 'ticket'"],
      [['peers', 'extra'], 'too many arguments'],
      [['resume', '--not-running-on', 'kvm3'], 'needs a virtual machine'],
      [['resume', 'web-3', '--all'], "'--all' cannot be used with a virtual machine"],
      [['demo', '--hosts', '1'], 'expected a whole number from 2 to'],
    ])('%j', async (words, sentence) => {
      const { code, out, error } = await ask(...words);
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(error).toContain(sentence);
      expect(agent.asked).toEqual([]);
    });

    it('a broken configuration: every problem with its path', async () => {
      const file = join(agent.directory, 'barter.yaml');
      await writeFile(file, 'mode: wild\nlimits: { nic: 10 }\n');
      for (const words of [['agent', '--check-config'], ['status'], ['init']]) {
        const { code, out, error } = await barter([...words, '--config', file]);
        expect({ code, out }).toEqual({ code: 2, out: '' });
        expect(error).toContain(`${file}:1:7: mode: expected one of`);
        expect(error).toContain(`${file}:2:16: limits.nic: "10" has no unit`);
      }
      const missing = await barter(['agent', '--check-config', '--config', `${file}.absent`]);
      expect(missing.code).toBe(2);
      expect(missing.error).toContain('cannot read the configuration');
    });

    it('a good configuration passes the check', async () => {
      const file = join(agent.directory, 'barter.yaml');
      await writeFile(file, 'mode: auto');
      expect(await barter(['agent', '--check-config', '--config', file])).toEqual({
        code: 0,
        out: 'The configuration is valid.',
        error: '',
      });
    });
  });

  describe('doctor', () => {
    it('adds what the agent found to what this machine shows, the agent knowing better', async () => {
      const { out } = await ask('doctor', '--json');
      const found = JSON.parse(out) as { check: string; level: string; message: string }[];
      const checks = found.map(({ check }) => check);
      expect(checks[0]).toBe('configuration');
      expect(checks).toContain('node');
      expect(found.find(({ check }) => check === 'probe')).toEqual({
        check: 'probe',
        level: 'warning',
        message: 'the pair set is nearly full',
      });
      expect(found.find(({ check }) => check === 'control')).toMatchObject({
        level: 'ok',
        message: `the agent answers at ${agent.socketPath}`,
      });
    });

    it('works without an agent, and counts that as a problem', async () => {
      const gone = join(agent.directory, 'gone.sock');
      const { code, out, error } = await barter(['doctor', '--socket', gone]);
      expect(code).toBe(1);
      expect(out).toMatch(/^problem {2}control +no agent answers at .*gone\.sock/m);
      expect(error).toMatch(/^barter: \d+ problems? found, see above$/);
    });

    it('of another host says only what its agent says', async () => {
      expect(await ask('doctor', '--peer', 'kvm2')).toEqual({
        code: 0,
        out: 'warning  probe  the pair set is nearly full',
        error: '',
      });
      expect((await ask('doctor', '--peer', 'kvm3')).code).toBe(1);
    });
  });

  it('help and version are answers, not failures', async () => {
    const help = await barter(['--help']);
    expect(help.code).toBe(0);
    for (const name of ['agent', 'init', 'invite', 'join', 'expel', 'status', 'stop', 'doctor']) {
      expect(help.out).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    }
    expect(help.out).not.toMatch(/^ {2}mover/m);
    expect((await barter(['moves', '--help'])).out).toContain('--json');
    expect((await barter(['--version'])).out).toMatch(/^\d+\.\d+\.\d+$/);
  });
});
