/** `barter status`: one page that answers, in this order, who, how loaded, what is going on, what is wrong. Pure. */

import type { MoveView, StatusView } from '@barter/agent/api.ts';
import {
  bar,
  byteRate,
  bytes,
  clean,
  cores,
  duration,
  percent,
  plural,
  rate,
  shortId,
} from './format.ts';
import { type Style, styled, type Terminal } from './terminal.ts';

const barCells = 20;
const labelWidth = 12;

export function statusPage(status: StatusView, terminal: Terminal): string {
  const blocks = [
    heading(status, terminal),
    loads(status, terminal),
    activity(status),
    moving(status.migrations.running, terminal),
    problems(status.problems, terminal),
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function heading(status: StatusView, terminal: Terminal): string[] {
  const { name, host, cluster, location, mode, stopped, version, uptimeSeconds, rssBytes } = status;
  const state = stopped
    ? styled(terminal, 'yellow', 'stopped: no new deals or migrations; `barter resume` ends that')
    : modes[mode];
  const place = location.length > 0 ? `, at ${location.join('/')}` : '';
  return [
    `${styled(terminal, 'bold', clean(name))}  ${styled(terminal, 'dim', shortId(host))}  in cluster ${clean(cluster)}${clean(place)}`,
    `${label('mode')}${styled(terminal, 'cyan', mode)}: ${state}`,
    `${label('agent')}barter ${clean(version)}, up ${duration(uptimeSeconds)}, pid ${status.pid}, ${bytes(rssBytes)}`,
  ];
}

const modes = {
  observe: 'measures, and does nothing else',
  advise: 'recommends moves and waits for `barter approve`',
  auto: 'moves virtual machines by itself',
} as const;

function loads({ load, capacity, measured }: StatusView, terminal: Terminal): string[] {
  if (!load || !capacity) return [`${label('load')}not measured yet`];
  const { memoryBytes, memoryLimitBytes, vcpuLimit, vcpus, nicBitsPerSecond } = capacity;
  const line = (name: string, part: number, whole: number, text: string) => {
    const share = whole > 0 ? part / whole : 0;
    const style: Style = share > 0.9 ? 'red' : share > 0.75 ? 'yellow' : 'green';
    const drawn = styled(terminal, style, bar(part, whole, barCells, terminal.unicode));
    return `${label(name)}${drawn} ${percent(part, whole).padStart(4)}  ${text}`;
  };
  return [
    line(
      'memory',
      load.memoryBytes,
      memoryBytes,
      `${bytes(load.memoryBytes)} of ${bytes(memoryBytes)}, trading up to ${bytes(memoryLimitBytes)}`,
    ),
    line('cpu', load.cpu, vcpus, `${cores(load.cpu)} of ${plural(vcpus, 'core')} busy`),
    line('vcpus', load.vcpus, vcpuLimit, `${load.vcpus} of ${vcpuLimit} that may be promised`),
    line(
      'network',
      load.nicBitsPerSecond,
      nicBitsPerSecond,
      `${rate(load.nicBitsPerSecond)} of ${rate(nicBitsPerSecond)} crosses the uplink`,
    ),
    `${label('measured')}${measured ? 'yes' : styled(terminal, 'yellow', 'not yet: trading waits until a whole smoothing window has been seen')}`,
  ];
}

function activity(status: StatusView): string[] {
  const { peers, domains, deals, migrations } = status;
  return [
    `${label('cost')}${rate(status.networkCost)} × distance, for the traffic of this host's VMs`,
    `${label('peers')}${peers.connected} of ${peers.members} connected`,
    `${label('VMs')}${domains.running} running here, ${domains.heldElsewhere} of them promised away; ${domains.heldHere} promised to come`,
    `${label('deals')}${deals.open} open, ${deals.committed} committed, ${deals.declined} declined, ${deals.aborted} aborted`,
    `${label('migrations')}${migrations.running.length} under way, ${migrations.moved} moved, ${migrations.failed} failed`,
  ];
}

function moving(running: readonly MoveView[], terminal: Terminal): string[] {
  return running.map((move) => {
    const total = move.bytesSent + move.bytesRemaining;
    const drawn = styled(terminal, 'cyan', bar(move.bytesSent, total, barCells, terminal.unicode));
    const left =
      move.bytesPerSecond > 0
        ? `, about ${duration(Math.ceil(move.bytesRemaining / move.bytesPerSecond))} left`
        : '';
    return `${label('moving')}${drawn} ${percent(move.bytesSent, total).padStart(4)}  ${clean(move.name)} from ${shortId(clean(move.from))} to ${shortId(clean(move.to))}: ${bytes(move.bytesRemaining)} to go at ${byteRate(move.bytesPerSecond)}${left}`;
  });
}

function problems(sentences: readonly string[], terminal: Terminal): string[] {
  if (sentences.length === 0) return [styled(terminal, 'green', 'No problems.')];
  return [
    styled(terminal, 'red', `${plural(sentences.length, 'problem')}:`),
    ...sentences.map((sentence) => `  - ${clean(sentence)}`),
    '  `barter doctor` looks further.',
  ];
}

function label(text: string): string {
  return text.padEnd(labelWidth);
}
