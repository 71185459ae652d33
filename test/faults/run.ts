/**
 * One seed, from the first fault to the last ending: faults rage while checkers watch, then the faults stop and
 * everything that was begun has to end. Nothing here depends on anything but the seed.
 */

import { backAndForth } from './checkers/back-and-forth.ts';
import { claims } from './checkers/claims.ts';
import { deals } from './checkers/deals.ts';
import { durability } from './checkers/durability.ts';
import { endings } from './checkers/endings.ts';
import { keepTogether } from './checkers/keep-together.ts';
import { migrations } from './checkers/migrations.ts';
import { oneHost } from './checkers/one-host.ts';
import { pingPong } from './checkers/ping-pong.ts';
import { policies } from './checkers/policies.ts';
import { receipts } from './checkers/receipts.ts';
import { room } from './checkers/room.ts';
import { trust } from './checkers/trust.ts';
import { administrators } from './injectors/administrators.ts';
import { badMoments } from './injectors/bad-moments.ts';
import { clocks } from './injectors/clocks.ts';
import { crashes } from './injectors/crashes.ts';
import { liars } from './injectors/liars.ts';
import { libvirt } from './injectors/libvirt.ts';
import { load } from './injectors/load.ts';
import { network } from './injectors/network.ts';
import { vanishing } from './injectors/vanishing.ts';
import { drawPlan } from './plan.ts';
import { Scene } from './scene.ts';
import { Violation } from './violation.ts';

export type Failure = Readonly<{ checker: string; message: string; atMs: number; excerpt: string }>;

export type Outcome = Readonly<{
  seed: number;
  failure: Failure | undefined;
  /** The same for two runs exactly when they went the same way. */
  digest: string;
  injected: ReadonlyMap<string, number>;
  deals: number;
  moves: number;
  failedMoves: number;
  faultySeconds: number;
  /** How long it took after the faults until everything had ended. */
  endedAfterSeconds: number;
}>;

/** Nothing that ends takes longer; what does not end is told by the checker of endings before. */
const calmSecondsMax = 7_200;

export function run(seed: number): Outcome {
  const plan = drawPlan(seed);
  const scene = new Scene(plan);
  const { cluster, facts, world, trace } = scene;
  let failure: Failure | undefined;
  try {
    live(scene);
  } catch (error) {
    const isViolation = error instanceof Violation;
    const checker = isViolation ? error.checker : 'no-exceptions';
    const message = isViolation ? error.message : String((error as Error).stack ?? error);
    const excerpt = trace.excerpt(isViolation ? error.subjects : []);
    failure = { checker, message, atMs: world.nowMs(), excerpt };
  }
  return {
    seed,
    failure,
    digest: trace.digest,
    injected: facts.injected,
    deals: cluster.deals.length,
    moves: cluster.moves.length,
    failedMoves: cluster.failedMoves,
    faultySeconds: plan.faultySeconds,
    endedAfterSeconds: (world.nowMs() - (facts.faultsEndedAtMs ?? world.nowMs())) / 1000,
  };
}

function live(scene: Scene): void {
  const { plan, cluster, facts, world, checkers, trace } = scene;
  const ending = endings(scene);
  const lab = libvirt(scene);
  const wires = network(scene);
  const losses = vanishing(scene);
  const people = administrators(scene);
  const moments = badMoments(scene);
  const injectors = [clocks, crashes, liars, load].map((inject) => inject(scene));
  injectors.push(wires, people, losses, lab, moments);
  for (const make of [
    oneHost,
    claims,
    durability,
    deals,
    migrations,
    room,
    policies,
    keepTogether,
    receipts,
    pingPong,
    backAndForth,
    trust,
  ])
    checkers.push(make(scene));
  checkers.push(ending, lab.watch, wires.watch, losses.watch, people.watch, moments.watch);
  const operate = () => {
    lab.operate();
    losses.operate();
  };
  const look = () => {
    for (const checker of checkers) checker.look?.();
  };

  for (let second = 1; second <= plan.faultySeconds; second++) {
    cluster.runUntil(second * 1000);
    for (const injector of injectors) injector.tick();
    operate();
    look();
  }
  trace.add('= the faults stop');
  facts.faultsEndedAtMs = world.nowMs();
  for (const injector of injectors) injector.stop();

  const limitMs = world.nowMs() + calmSecondsMax * 1000;
  do {
    cluster.runUntil(world.nowMs() + 1000);
    operate();
    look();
    if (world.nowMs() > limitMs)
      throw new Violation(
        'endings',
        [],
        'the cluster never comes to rest, although everything ends',
      );
  } while (!ending.isQuiet());
  for (const checker of checkers) checker.end?.();
}
