/**
 * The agent: puts the adapters together, runs the core on them, and takes them apart again.
 *
 * Order matters at both ends. The journal is opened first, because what it remembers decides everything
 * else; the peer network starts to answer only when the core can. On the way down the promises stop
 * first. Migrations under way are libvirt's and the movers': they go on without us.
 */

import { join } from 'node:path';
import {
  createHost,
  type HostState,
  type Hypervisor,
  type Log,
  Runner,
  type TrafficProbe,
} from '@barter/core';
import { createAgentApi, isQuiet } from './agent-api.ts';
import { AgentClock, stampingJournal } from './clock.ts';
import { Conduct } from './conduct.ts';
import type { Config } from './config/schema.ts';
import { serveControl } from './control/server.ts';
import { keepOutOfCoreDumps } from './core-dump.ts';
import { crashingHypervisor, crashingJournal, crashPointOf } from './crash-point.ts';
import { hostConfigOf } from './host-config.ts';
import { hostNameOf } from './host-name.ts';
import { SqliteJournal } from './journal/sqlite-journal.ts';
import { createLog } from './log.ts';
import { type Loop, startLoop } from './loop.ts';
import { openIdentity } from './network/identity.ts';
import { openLibp2pNetwork } from './network/libp2p-network.ts';
import type { PeerNetwork } from './network/peer-network.ts';
import { openHypervisor } from './open-hypervisor.ts';
import { type Result, success } from './result.ts';
import { createSampler } from './sampler.ts';
import { version } from './version.ts';
import type { ProcessFacts } from './views/views.ts';

/** How often the core is told that time passes: as often as it repeats what was not answered. */
const tickEveryMs = 1_000;
/** How long a clean end waits for a deal that is not decided yet. */
const quietWithinMs = 3_000;

export type RunningAgent = Readonly<{
  /** Resolves with a sentence when the agent cannot go on; the process should end with code 1. */
  failed: Promise<string>;
  stop(): Promise<void>;
}>;

const clock = new AgentClock();
const random = { next: () => Math.random() };

/**
 * Starts the agent of this host. Errors: those of the journal (`journal-…`), of the key file and roster,
 * of the control socket (`control-in-use`, `control-unusable`); each says what to do.
 */
export async function startAgent(config: Config): Promise<Result<RunningAgent>> {
  const name = hostNameOf(config);
  const log = createLog({ level: config.log.level, fields: { host: name } });
  const identity = await openIdentity(config.cluster.keyFile);
  if (!identity.ok) return identity;
  const self = identity.value.host;
  const journal = await SqliteJournal.open({
    path: join(config.stateDirectory, 'journal.sqlite'),
    host: self,
  });
  if (!journal.ok) return journal;
  const network = await openLibp2pNetwork({
    keyFile: config.cluster.keyFile,
    stateDirectory: config.stateDirectory,
    name,
    listen: config.listen,
    bootstrap: config.cluster.bootstrap,
    log,
    clock,
  });
  if (!network.ok) {
    await journal.value.close();
    return network;
  }
  return assemble(config, name, log, journal.value, network.value);
}

async function assemble(
  config: Config,
  name: string,
  log: Log,
  journal: SqliteJournal,
  network: PeerNetwork,
): Promise<Result<RunningAgent>> {
  const { promise: failed, resolve: fail } = Promise.withResolvers<string>();
  const point = crashPointOf(process.env);
  const state = createHost(
    hostConfigOf(config, network.self, name),
    await journal.load(),
    config.mode,
  );
  const host = await openHypervisor(config, {
    network,
    log,
    clock,
    state: () => runner.state as HostState,
    arrivalRequested: (from, settlement, domain) =>
      runner.handle({ kind: 'arrivalRequested', from, settlement, domain }),
    onGone: (why) => fail(why),
  });
  if (!host.ok) {
    await network.close();
    await journal.close();
    return host;
  }
  const { hypervisor, probe } = host.value;
  const conduct = new Conduct(log, (peer, problem) => network.suspect(peer, problem));
  const runner = new Runner(
    {
      clock,
      random,
      transport: network,
      journal: crashingJournal(stampingJournal(journal), point),
      hypervisor: crashingHypervisor(hypervisor, point),
      log: conduct.log,
    },
    state,
    (error) => fail(error instanceof Error ? error.message : String(error)),
  );
  const measuring = measure(config, runner, hypervisor, probe, log);
  network.onMessage((from, message) =>
    conduct.heard(from, message, (domain) => runner.state.homes.has(domain)),
  );
  listen(runner, network, hypervisor, measuring);
  await runner.handle({ kind: 'restarted' });
  await runner.handle({ kind: 'peersChanged', peers: network.peers() });
  const startedAtMs = clock.nowMs();
  const facts = (): ProcessFacts => ({
    nowMs: clock.nowMs(),
    startedAtMs,
    version,
    cluster: config.cluster.name,
    peers: network.peers(),
    problems: [...measuring.problems(), ...host.value.problems(), ...clock.problems()],
  });
  const api = createAgentApi({ runner, network, journal, facts, findings: host.value.findings });
  const { socket: socketPath, group } = config.control;
  const control = await serveControl({ socketPath, group, api, log });
  const ticking = startLoop(tickEveryMs, () => runner.tick());
  const stop = once(async () => {
    await runner.handle({ kind: 'ordered', order: { order: 'pause' } });
    await quiet(runner);
    if (control.ok) await control.value.close();
    await ticking.stop();
    await measuring.loop.stop();
    await network.close();
    await Promise.allSettled([hypervisor.close(), probe.close()]);
    await journal.close();
    log.log('info', 'agent-stopped', 'The agent has ended; VMs and migrations under way go on.');
  });
  if (!control.ok) {
    await stop();
    return control;
  }
  log.log('info', 'agent-started', `Barter ${version} runs on ${name}.`, {
    peer: network.self,
    mode: runner.state.settings.mode,
    addresses: network.addresses(),
  });
  return success({ failed, stop });
}

type Measuring = Readonly<{ loop: Loop; problems(): readonly string[] }>;

/** Samples at every probe interval, and at once when the hypervisor reports a change. */
function measure(
  config: Config,
  runner: Runner,
  hypervisor: Hypervisor,
  probe: TrafficProbe,
  log: Log,
): Measuring {
  const { windows } = config.migration;
  const sampler = createSampler({ hypervisor, probe, windows, now: () => new Date() });
  let failure = 'this host has not been measured yet';
  let started = false;
  const loop = startLoop(config.probe.intervalSeconds * 1000, async () => {
    const beganAtMs = clock.nowMs();
    try {
      if (!started) await probe.start();
      started = true;
      const sample = await sampler.measure();
      if (failure !== '') log.log('info', 'measured', 'This host is being measured.');
      failure = '';
      await runner.handle({ kind: 'sampled', beganAtMs, sample });
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      // Said once: the log is no place for the same sentence every few seconds.
      if (detail !== failure) await runner.handle({ kind: 'sampleFailed', detail });
      failure = detail;
    }
  });
  return {
    loop,
    problems: () => (failure === '' ? sampler.problems() : [failure, ...sampler.problems()]),
  };
}

function listen(
  runner: Runner,
  network: PeerNetwork,
  hypervisor: Hypervisor,
  measuring: Measuring,
): void {
  network.onMessage(
    (from, message) => void runner.handle({ kind: 'messageReceived', from, message }),
  );
  network.onPeers((peers) => void runner.handle({ kind: 'peersChanged', peers }));
  hypervisor.onEvent(() => measuring.loop.hurry());
}

/** Waits, within bounds, until no peer is left in doubt by our going. */
async function quiet(runner: Runner): Promise<void> {
  const endsAtMs = performance.now() + quietWithinMs;
  while (!isQuiet(runner.state as HostState) && performance.now() < endsAtMs)
    await new Promise((resolve) => setTimeout(resolve, 50));
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => {
    done ??= work();
    return done;
  };
}

/** Runs the agent until a signal or a failure ends it; returns the exit code. */
export async function runAgent(config: Config): Promise<number> {
  keepOutOfCoreDumps();
  const agent = await startAgent(config);
  if (!agent.ok) {
    process.stderr.write(`barter: ${agent.message}\n`);
    return 1;
  }
  const signalled = new Promise<null>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve(null));
  });
  const why = await Promise.race([agent.value.failed, signalled]);
  await agent.value.stop();
  if (why === null) return 0;
  process.stderr.write(`barter: ${why}\n`);
  return 1;
}
