/**
 * The table of what dies during a migration (docs/reliability.md, "Perform-done"): for every row how its phase is
 * hit, and what has to come of it.
 */

import { pause, type Stage, source, target } from './stage.ts';

export type Row = Readonly<{
  name: string;
  /** Where the guest has to run in the end; `either`: libvirt may have been a moment faster or slower. */
  ends: typeof source | typeof target | 'either';
  /** For the agents' processes and their movers. */
  environment?: Parameters<Stage['begin']>[0];
  /** From the moment at which the target lets the guest in. */
  act(stage: Stage): Promise<void>;
}>;

const holdOrder = { BARTER_CRASH_AT: 'order-held' };
const dieAnswered = { BARTER_CRASH_AT: 'order-answered' };

export const rows: readonly Row[] = [
  {
    name: 'nothing',
    ends: target,
    act: async () => {},
  },
  {
    name: 'source libvirtd, begin',
    ends: source,
    async act(stage) {
      // The source's libvirtd hangs in connecting to this one: its job has begun, and nothing else.
      stage.freeze('libvirtd', target);
      await pause(3_000);
      await stage.killLibvirtd(source);
      stage.thaw('libvirtd', target);
    },
  },
  {
    name: 'source libvirtd, perform',
    ends: source,
    async act(stage) {
      await stage.copying();
      await stage.killLibvirtd(source);
    },
  },
  {
    name: 'source libvirtd, perform done, the target runs it',
    ends: target,
    async act(stage) {
      await stage.performDone();
      await stage.killLibvirtd(source);
      stage.thaw('libvirtd', target);
    },
  },
  {
    name: 'source libvirtd, perform done, the target waits for the order',
    ends: source,
    environment: { [target]: holdOrder },
    async act(stage) {
      await stage.memorySent();
      await stage.killLibvirtd(source);
      stage.killMover(target);
    },
  },
  {
    name: 'source libvirtd, perform done, uplink cut for 20 s',
    ends: source,
    environment: { [target]: holdOrder },
    async act(stage) {
      await stage.memorySent();
      await stage.cutUplink(target);
      await stage.killLibvirtd(source);
      stage.killMover(target);
      await pause(20_000);
      await stage.lab.setUplink(target, 'up');
    },
  },
  {
    name: 'both libvirtds, perform done',
    ends: source,
    async act(stage) {
      await stage.performDone();
      await Promise.all([stage.killLibvirtd(source), stage.killLibvirtd(target)]);
    },
  },
  {
    name: 'source libvirtd, finish answered and not read',
    ends: target,
    async act(stage) {
      await stage.performDone();
      stage.freeze('libvirtd', source);
      stage.thaw('libvirtd', target);
      await stage.sees(target, 'running', 20);
      await stage.killLibvirtd(source);
    },
  },
  {
    name: 'source libvirtd, confirm',
    ends: target,
    // The guest's QEMU is left standing still, and libvirt waits in Confirm until it has ended.
    environment: { [source]: dieAnswered },
    async act(stage) {
      await stage.copying();
      await stage.sees(target, 'running', 1);
      await stage.moverEnded(source);
      await pause(100);
      await stage.killLibvirtd(source);
    },
  },
  {
    name: 'source mover, the answer just handed over',
    ends: target,
    environment: { [source]: dieAnswered },
    act: async () => {},
  },
  {
    name: 'target libvirtd, prepare',
    ends: source,
    async act(stage) {
      await stage.sees(target, 'left paused', 1).catch(() => stage.sees(target, 'paused', 1));
      await stage.killLibvirtd(target);
    },
  },
  {
    name: 'target libvirtd, perform',
    ends: source,
    async act(stage) {
      await stage.copying();
      await stage.killLibvirtd(target);
    },
  },
  {
    name: 'target libvirtd, finish, the order unread',
    ends: source,
    async act(stage) {
      await stage.performDone();
      await stage.killLibvirtd(target);
    },
  },
  {
    // Nobody has watched, and only the log of the copy tells how that ended.
    name: 'target agent and target libvirtd together, finish, the order unread',
    ends: source,
    async act(stage) {
      await stage.performDone();
      await Promise.all([stage.lab.killAgent(target), stage.killLibvirtd(target, 2_000)]);
      await stage.lab.startAgent(target);
    },
  },
  {
    name: 'target libvirtd, finish, the guest just running',
    ends: 'either',
    async act(stage) {
      await stage.copying();
      await stage.sees(target, 'running', 1);
      await stage.killLibvirtd(target);
    },
  },
  {
    name: 'source agent, perform',
    ends: target,
    async act(stage) {
      await stage.copying();
      await stage.lab.killAgent(source);
      await pause(2_000);
      await stage.lab.startAgent(source);
    },
  },
  {
    name: 'target agent, perform',
    ends: target,
    async act(stage) {
      await stage.copying();
      await stage.lab.killAgent(target);
      await pause(2_000);
      await stage.lab.startAgent(target);
    },
  },
  {
    name: 'both agents and the source libvirtd, perform done',
    ends: target,
    async act(stage) {
      await stage.performDone();
      await Promise.all([stage.lab.killAgent(source), stage.lab.killAgent(target)]);
      await stage.killLibvirtd(source);
      stage.thaw('libvirtd', target);
      await stage.lab.startAgent(source);
      await pause(3_000);
      await stage.lab.startAgent(target);
    },
  },
  {
    name: 'source agent, done and not recorded',
    ends: target,
    environment: { [source]: { BARTER_CRASH_AT: 'migration-done' } },
    async act(stage) {
      await stage.copying();
      await stage.sees(target, 'running', 20);
      await pause(3_000);
      await stage.lab.startAgent(source);
    },
  },
  {
    name: 'uplink, prepare, 60 s',
    ends: source,
    async act(stage) {
      await stage.cutUplink(target);
      await pause(60_000);
      await stage.lab.setUplink(target, 'up');
    },
  },
  {
    name: 'uplink, perform, 60 s',
    ends: source,
    async act(stage) {
      await stage.copying();
      await stage.cutUplink(target);
      await pause(60_000);
      await stage.lab.setUplink(target, 'up');
    },
  },
  {
    name: 'uplink, finish, 60 s, the target runs it',
    ends: target,
    async act(stage) {
      await stage.performDone();
      await stage.cutUplink(target);
      stage.thaw('libvirtd', target);
      await pause(60_000);
      await stage.lab.setUplink(target, 'up');
    },
  },
  {
    name: 'source mover, the order passed, the target runs it',
    ends: target,
    async act(stage) {
      await stage.performDone();
      stage.killMover(source);
      // As long as libvirt would need to take that for a no, and to let the guest run on.
      await pause(3_000);
      stage.thaw('libvirtd', target);
    },
  },
  {
    name: 'source mover and source libvirtd, the order passed, the target runs it',
    ends: target,
    async act(stage) {
      await stage.performDone();
      stage.killMover(source);
      await pause(1_000);
      await stage.killLibvirtd(source);
      stage.thaw('libvirtd', target);
    },
  },
  {
    name: 'both movers, the order not let in',
    ends: source,
    environment: { [target]: holdOrder },
    async act(stage) {
      await stage.memorySent();
      stage.killMover(source);
      stage.killMover(target);
    },
  },
  {
    name: 'source mover and source agent, the order passed, the target runs it',
    ends: target,
    async act(stage) {
      await stage.performDone();
      await stage.lab.killAgent(source);
      stage.killMover(source);
      await pause(1_000);
      stage.thaw('libvirtd', target);
      await pause(3_000);
      await stage.lab.startAgent(source);
    },
  },
  {
    name: 'target mover, the order not let in',
    ends: source,
    environment: { [target]: holdOrder },
    async act(stage) {
      await stage.memorySent();
      stage.killMover(target);
    },
  },
];
