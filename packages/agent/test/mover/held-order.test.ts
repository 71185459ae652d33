/** An order to run the domain, through two real movers, and what is known of it when its answer does not come. */

import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { closeMover } from '../../src/mover/control.ts';
import { departureWay } from '../../src/mover/departures.ts';
import { arrivalEvidence } from '../../src/mover/door.ts';
import { finishCall, uuid } from './calls.ts';
import {
  createAgents,
  facts,
  moversLeft,
  order,
  temporaryDirectory,
  tidy,
  until,
} from './harness.ts';
import { closeAll, closed, openPath, prepareOn } from './opened-path.ts';

vi.setConfig({ testTimeout: 90_000 });

let directory: string;

beforeEach(async () => {
  directory = await temporaryDirectory();
});

afterEach(async () => {
  closeAll();
  await tidy(directory);
});

test('an order leaves its mark at the target, and its lost answer keeps libvirtd waiting until the agent decides', async () => {
  const agents = createAgents(directory);
  const [source, target] = [join(directory, 's'), join(directory, 't')];
  const way = departureWay(source);
  const path = await openPath(agents);
  const libvirtd = await prepareOn(path);
  expect(await arrivalEvidence(target, order.settlement)).toEqual({ kind: 'opened' });

  const reached = path.reached().length;
  libvirtd.write(finishCall());
  await until('the order reached libvirtd', () => path.reached().length > reached);
  const evidence = await arrivalEvidence(target, order.settlement);
  expect(evidence).toMatchObject({ kind: 'ordered', copy: { name: facts.name } });
  expect(await way.isHeld(uuid)).toBe(false);

  // The target's mover goes, and the answer with it.
  await closeMover(target, order.settlement, 'target');
  await until('the source knows that the answer is lost', () => way.isHeld(uuid));
  // Longer than a mover lingers without connections.
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  expect(libvirtd.closed || libvirtd.readableEnded).toBe(false);
  expect(await way.isHeld('00000000-1111-4222-8333-444444444444')).toBe(false);

  await way.close(uuid);
  await closed(libvirtd);
  await until('the movers ended', async () => (await moversLeft(directory)) === 0);
});
