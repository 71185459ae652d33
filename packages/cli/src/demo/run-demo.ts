/**
 * `barter demo`: a cluster of real agents on simulated hosts, from `barter init` to the last migration.
 *
 * Real are the agents (a process each), the peer network between them over loopback TCP, membership,
 * gossip, deals, journals and the control sockets. Simulated are the hosts, VMs, traffic and migrations,
 * which this process owns. It ends by itself, and nothing of it stays: no process, no file.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { World, WorldServer } from '@barter/sim';
import { createLogUpdate } from 'log-update';
import type { RunCommandLine } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import type { AgentProcess } from './agent-process.ts';
import { demoCluster } from './demo-cluster.ts';
import type { DemoSummary } from './demo-view.ts';
import { type DemoTiming, enlist } from './enlist.ts';
import { Observer } from './observer.ts';
import { drawScreen, eventLine, summaryText } from './screen.ts';
import { setStage } from './stage.ts';

export type DemoOptions = Readonly<{
  hosts: number;
  domains: number;
  json: boolean;
  terminal: Terminal;
  run: RunCommandLine;
}>;

/** Short intervals, so that what takes minutes in a data centre can be watched. */
const timing: DemoTiming = {
  probeSeconds: 0.5,
  smoothingSeconds: 3,
  tradeSeconds: 1,
  settleAfterSeconds: 5,
};
/** With less than this left there is no point in going on. */
const tradingMsMin = 20_000;
/** Quiet for this long is the end. */
const quietSeconds = 6;
/** The end in any case, counted from the start. Ending the agents takes a few seconds more. */
const secondsMax = 105;
const frameMs = 200;

/** Runs the demo; the exit code is 0 only if the cost fell and no VM was lost or doubled. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { terminal } = options;
  const endsAt = performance.now() + secondsMax * 1000;
  const agents: AgentProcess[] = [];
  const stopping = new AbortController();
  const stage = await setStage();
  const killAgents = () => {
    for (const agent of agents) agent.kill();
  };
  const release = onEnd(stopping, killAgents, stage.clearNow);
  const world = new World(demoCluster(options.hosts, options.domains), { headroom: 0.1 });
  const server = new WorldServer(world, { directory: stage.directory });
  const live = createLive(options);
  const observer = new Observer(world, live.event);
  let summary: DemoSummary | undefined;
  try {
    await server.listen();
    const frames = live.start(() => observer.view());
    try {
      const { run } = options;
      const { directory } = stage;
      await perform({ run, observer, server, directory, agents, stopping, endsAt });
    } finally {
      frames.stop();
    }
    server.catchUp();
    summary = observer.summary();
  } finally {
    await Promise.all(agents.map((agent) => agent.stop()));
    await server.close();
    await stage.clear();
    release();
  }
  if (stopping.signal.aborted && observer.problems.length === 0) {
    terminal.error('barter: the demo was stopped; nothing of it is left behind.');
    return stopping.signal.reason === 'SIGINT' ? 130 : 143;
  }
  if (options.json) terminal.out(JSON.stringify(summary, null, 2));
  else terminal.out(`\n${summaryText(summary, terminal)}`);
  return summary.ok ? 0 : 1;
}

/** From the first agent to the end; problems are told to the observer. */
async function perform({
  run,
  observer,
  server,
  directory,
  agents,
  stopping,
  endsAt,
}: Readonly<{
  run: RunCommandLine;
  observer: Observer;
  server: WorldServer;
  directory: string;
  agents: AgentProcess[];
  stopping: AbortController;
  endsAt: number;
}>): Promise<void> {
  const { signal } = stopping;
  const fail = (why: string) => {
    if (signal.aborted) return;
    observer.problem(why);
    stopping.abort('failed');
  };
  observer.tell('barter init, invite and join: every host gets its own key and agent');
  const enlisted = await enlist({
    server,
    directory,
    timing,
    signal,
    run,
    upBy: endsAt - tradingMsMin,
    onCrash: fail,
    onAgent: (agent) => {
      agents.push(agent);
      observer.agentUp(agent);
      observer.tell(`agent of ${agent.name} started, process ${agent.pid}`);
    },
  });
  if (!enlisted.ok) {
    fail(enlisted.message);
    return;
  }
  observer.tell(`all ${agents.length} agents are up`);
  while (!signal.aborted && !observer.quietFor(quietSeconds)) {
    if (performance.now() > endsAt) {
      observer.tell('time is up, before the cluster was quiet');
      return;
    }
    await observer.poll();
    await pause(300, undefined, { signal }).catch(() => {});
  }
}

/** A signal asks for an end, a second one insists; whatever happens, no agent outlives this process. */
function onEnd(
  stopping: AbortController,
  killAgents: () => void,
  clearNow: () => void,
): () => void {
  const ask = (signal: NodeJS.Signals) => {
    if (stopping.signal.aborted) killAgents();
    stopping.abort(signal);
  };
  for (const signal of endSignals) process.on(signal, ask);
  const last = () => {
    killAgents();
    clearNow();
  };
  process.on('exit', last);
  const orphaned = watchParent(() => stopping.abort('SIGTERM'));
  return () => {
    for (const signal of endSignals) process.off(signal, ask);
    process.off('exit', last);
    orphaned.stop();
  };
}

const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Under `npm start` a signal may reach npm and its shell only, and neither passes it on: there, losing
 * the parent is the signal.
 */
function watchParent(onGone: () => void): Readonly<{ stop(): void }> {
  if (process.env.npm_lifecycle_event === undefined) return { stop() {} };
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid !== parent) onGone();
  }, 500);
  timer.unref();
  return { stop: () => clearInterval(timer) };
}

type Live = Readonly<{
  event: ConstructorParameters<typeof Observer>[1];
  start(view: () => ReturnType<Observer['view']>): Readonly<{ stop(): void }>;
}>;

/** A picture that changes on a terminal; one line per event elsewhere. */
function createLive({ json, terminal }: DemoOptions): Live {
  if (json || terminal.columns === null) {
    // With --json, standard output is for the one document.
    const print = json ? terminal.error : terminal.out;
    return { event: (event) => print(eventLine(event)), start: () => ({ stop() {} }) };
  }
  const update = createLogUpdate(process.stdout);
  return {
    event: () => {},
    start(view) {
      const draw = () => {
        const { columns, rows } = process.stdout;
        update(drawScreen(view(), { columns: columns ?? 80, rows: rows ?? 24 }, terminal));
      };
      draw();
      const timer = setInterval(draw, frameMs);
      return {
        stop() {
          clearInterval(timer);
          draw();
          update.done();
        },
      };
    },
  };
}
