/** Who does not belong gets nowhere: tickets, ports, and libvirt. */

import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { ControlClient } from '@barter/agent/control/client.ts';
import { expect, test } from 'vitest';
import { barterCommand, writeConfig } from '../agent.ts';
import type { Lab } from '../lab.ts';
import { until } from '../process.ts';
import { untilReady } from './steps.ts';

const askAsMember = fileURLToPath(new URL('./ask-as-member.ts', import.meta.url));

export function strangersStayOut(labOf: () => Lab): void {
  test('a ticket lets one host in, once', { timeout: 120_000 }, async () => {
    const lab = labOf();
    await untilReady(lab);
    const ticket = await lab.invite('h1');
    const first = await joinAs(lab, 'first', ticket);
    expect(first.code).toBe(0);
    const second = await joinAs(lab, 'second', ticket);
    expect(second).toMatchObject({ code: 1 });
    expect(second.stderr).toMatch(/ticket/i);
    const forged = await joinAs(lab, 'third', `${ticket.slice(0, -6)}AAAAAA`);
    expect(forged.code).not.toBe(0);

    const { host } = JSON.parse(first.stdout) as { host: string };
    expect((await lab.barter('h1', 'expel', host)).code).toBe(0);
  });

  test('a ticket that has expired lets nobody in', { timeout: 60_000 }, async () => {
    const lab = labOf();
    const control = new ControlClient({ socketPath: lab.path('h1', '/run/barter/control.sock') });
    const invited = await control.command('invite', { expiresInSeconds: 1 });
    if (!invited.ok) throw new Error(invited.message);
    const { ticket, expiresAtMs } = invited.value;
    await until('the ticket to expire', () => Date.now() > expiresAtMs, 10_000);
    const late = await joinAs(lab, 'late', ticket);
    expect(late).toMatchObject({ code: 1 });
    expect(late.stderr).toMatch(/expired/);
  });

  test('a member without a lease reaches no libvirt', { timeout: 120_000 }, async () => {
    const lab = labOf();
    const { host: target } = await lab.barterJson<{ host: string }>('h1', 'status');
    await lab.stopAgent('h3');
    try {
      const asked = await lab.exec(
        'h3',
        [process.execPath, askAsMember, target, lab.host('h3').address, randomUUID()],
        { timeoutMs: 60_000 },
      );
      expect(JSON.parse(asked.stdout), asked.stderr).toMatchObject({ ok: false, code: 'no-lease' });
      const sockets = await lab.exec('h1', ['find', '/run/barter', '-type', 's']);
      expect(sockets.stdout).not.toMatch(/libvirt/);
    } finally {
      await lab.startAgent('h3');
    }
  });

  test('without a lease nothing but the agents listens', { timeout: 30_000 }, async () => {
    const lab = labOf();
    for (const { id } of lab.state.hosts) {
      const { stdout } = await lab.exec(id, ['ss', '-H', '-l', '-t', '-n']);
      const listening = stdout
        .trim()
        .split('\n')
        .map((line) => line.trim().split(/\s+/)[3]);
      const reachable = listening.filter((address) => !address?.startsWith('127.'));
      expect(reachable).toEqual([`${lab.host(id).address}:7411`]);
      const sockets = await lab.exec(id, ['find', '/run/barter', '-type', 's']);
      // Neither a way to another host's libvirt nor one into ours.
      expect(sockets.stdout).not.toMatch(/libvirt/);
    }
  });
}

/** `barter join` with a key and a state directory of its own, as another machine would. */
async function joinAs(lab: Lab, who: string, ticket: string) {
  const directory = `/run/stranger-${who}`;
  writeConfig(lab.state, lab.host('h3'), {
    name: who,
    cluster: { keyFile: `${directory}/host.key` },
    stateDirectory: directory,
  });
  await lab.exec('h3', [
    'sh',
    '-c',
    `mkdir -p ${directory} && mv /etc/barter/barter.yaml ${directory}/`,
  ]);
  writeConfig(lab.state, lab.host('h3'));
  return await lab.exec(
    'h3',
    barterCommand(['--config', `${directory}/barter.yaml`, 'join', ticket, '--json']),
  );
}
