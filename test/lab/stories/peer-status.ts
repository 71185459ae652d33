/** One host answers for another, and says so quickly when the other is dead. */

import { expect, test } from 'vitest';
import { barterCommand } from '../agent.ts';
import type { Lab } from '../lab.ts';
import { untilReady } from './steps.ts';

/** What is promised for a dead peer. */
const answerWithinMs = 3_000;

export function peerStatus(labOf: () => Lab): void {
  test('one host answers for another, and for a dead one says so in time', {
    timeout: 120_000,
  }, async () => {
    const lab = labOf();
    await untilReady(lab);
    const alive = await lab.barterJson<{ name: string; pid: number }>(
      'h1',
      'status',
      '--peer',
      'h2',
    );
    expect(alive).toMatchObject({ name: 'h2', pid: lab.host('h2').agent?.pid });

    await lab.killAgent('h2');
    try {
      const argv = barterCommand(['status', '--peer', 'h2']);
      // Exit code 124 would mean that it had not answered by then.
      const dead = await lab.exec('h1', argv, { timeoutMs: answerWithinMs });
      expect(dead).toMatchObject({ code: 1, stdout: '' });
      expect(dead.stderr).toMatch(/h2 does not answer/);
    } finally {
      // The stories after this one need it.
      await lab.startAgent('h2');
    }

    const unknown = await lab.barter('h1', 'status', '--peer', 'h99');
    expect(unknown).toMatchObject({ code: 1, stdout: '' });
    expect(unknown.stderr).toMatch(/h99/);
    await untilReady(lab);
  });
}
