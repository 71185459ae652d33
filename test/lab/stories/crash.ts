/**
 * An agent is killed with SIGKILL at its worst moments. The agents are told by BARTER_CRASH_AT to kill
 * themselves at one, because no test could hit it from outside. Whoever reaches it dies there, once.
 */

import type { StatusView } from '@barter/agent/api.ts';
import { expect, test } from 'vitest';
import type { Lab } from '../lab.ts';
import { until } from '../process.ts';
import {
  areTogether,
  connectionsLost,
  splitTwoPairs,
  togetherWithinMs,
  untilTogether,
  watched,
} from './steps.ts';

const moments = {
  'deal-accepted': 'has accepted a deal and does not know the decision',
  'deal-committed': 'has committed a deal that nobody else knows of',
  'migration-running': 'has a migration under way',
  'migration-done': 'has finished a migration and not recorded it',
};

export function killedAgents(labOf: () => Lab): void {
  test.for(Object.entries(moments))(
    'an agent killed at %s, when it %s',
    { timeout: 2 * togetherWithinMs },
    async ([moment]) => {
      const lab = labOf();
      await splitTwoPairs(lab);
      const before = await connectionsLost(lab);
      await watched(lab, async () => {
        const hosts = lab.state.hosts.map(({ id }) => id);
        await Promise.all(hosts.map((id) => lab.startAgent(id, { BARTER_CRASH_AT: moment })));
        const fallen = () => hosts.filter((id) => !lab.agentRunning(id));
        await until(
          `an agent to die at ${moment}`,
          () => fallen().length > 0,
          togetherWithinMs,
          50,
        );
        // Whoever dies stays dead until its guests have been seen without it; then it starts as any agent does.
        const revive = async () => {
          for (const id of fallen()) {
            await expectOneCopyEach(lab);
            await lab.startAgent(id);
          }
          return areTogether(lab);
        };
        await until(
          `the pairs to share hosts after a death at ${moment}`,
          revive,
          togetherWithinMs,
          300,
        );
      });
      await untilTogether(lab);
      expect(await connectionsLost(lab)).toEqual(before);
      await untilNothingIsOpen(lab);
    },
  );
}

/** Every guest runs on exactly one host, as soon as what libvirt had begun by itself has ended. */
async function expectOneCopyEach(lab: Lab): Promise<void> {
  const once = async () => Object.values(await lab.placement()).every((host) => host !== null);
  await until('every guest to run on exactly one host', once, 30_000, 300);
}

/** No deal and no migration stays open anywhere, and every guest is held where it runs. */
async function untilNothingIsOpen(lab: Lab): Promise<void> {
  const ids = lab.state.hosts.map(({ id }) => id);
  const closed = async () => {
    // An agent that still has its moment before it may have come to it only now.
    for (const id of ids) await lab.startAgent(id);
    const views = await Promise.all(ids.map((id) => lab.view(id, 'status')));
    return views.every((status) => status !== undefined && nothingIsOpen(status));
  };
  await until('every agent to finish or undo what was open', closed, togetherWithinMs, 500);
}

function nothingIsOpen({ deals, migrations, domains }: StatusView): boolean {
  return deals.open + migrations.running.length + domains.heldElsewhere + domains.heldHere === 0;
}
