/** The demo's live view, drawn for a terminal of a given size. Pure: a view in, lines out. */

import { bar, byteRate, duration, rate } from '../format.ts';
import type { Style, Terminal } from '../terminal.ts';
import { styled } from '../terminal.ts';
import { groupOf } from './demo-cluster.ts';
import type { DemoEvent, DemoView, HostView, MovingView } from './demo-view.ts';

export type ScreenSize = Readonly<{ columns: number; rows: number }>;

const titles: Record<DemoView['phase'], string> = {
  starting: 'agents start and join',
  measuring: 'agents measure',
  trading: 'agents trade on paper',
  moving: 'VMs move',
  quiet: 'quiet',
};

const eventStyles: Record<DemoEvent['kind'], Style> = {
  agent: 'dim',
  deal: 'yellow',
  departure: 'green',
  move: 'green',
  problem: 'red',
};

const groupStyles: readonly Style[] = ['cyan', 'yellow', 'green', 'red', 'bold'];
const movesShown = 3;

/** At most `rows` lines of at most `columns` characters, besides colours. */
export function drawScreen(view: DemoView, size: ScreenSize, terminal: Terminal): string {
  const lines = [...header(view, size.columns, terminal), ''];
  // Two lines a host, one when there are too many for that.
  const tall = lines.length + 2 * view.hosts.length + movesShown + 4 <= size.rows;
  const groups = [...new Set(view.hosts.flatMap((host) => host.vms.map((vm) => groupOf(vm.name))))];
  groups.sort();
  for (const host of view.hosts) {
    lines.push(...drawHost(host, size.columns, terminal, groups, tall));
  }
  lines.push('');
  const moving = view.moving.slice(0, movesShown);
  for (const move of moving) lines.push(drawMove(move, size.columns, terminal));
  const left = Math.max(0, size.rows - 1 - lines.length);
  // The newest events, the latest at the bottom.
  const told = view.events.filter((event) => event.kind !== 'departure');
  const events = left === 0 ? [] : told.slice(-left);
  for (const event of events) lines.push(drawEvent(event, size.columns, terminal));
  return lines.slice(0, size.rows - 1).join('\n');
}

/** One event as a line of its own, for output that is not a terminal. */
export function eventLine(event: DemoEvent): string {
  return `${event.atSeconds.toFixed(1).padStart(6)} s  ${event.kind.padEnd(9)}  ${event.text}`;
}

function header(view: DemoView, columns: number, terminal: Terminal): readonly string[] {
  const vms = view.hosts.reduce(
    (sum, host) => sum + host.vms.filter((vm) => vm.state !== 'arriving').length,
    0,
  );
  const left = `Barter demo: ${view.agentsUp} agents on ${view.hosts.length} simulated hosts, ${vms} VMs`;
  const right = `${titles[view.phase]} ${clock(view.elapsedSeconds)}`;
  const gap = ' '.repeat(Math.max(1, columns - left.length - right.length));
  const share = view.initialCost > 0 ? view.cost / view.initialCost : 0;
  const cost = `network cost ${rate(view.cost).padStart(10)}`;
  const percent = (part: number) => `${Math.round(part * 100)} %`;
  const agreed =
    view.paperCost < view.cost ? `, on paper ${percent(view.paperCost / view.initialCost)}` : '';
  const change = `${percent(share)} of ${rate(view.initialCost)}${agreed}`;
  const cells = Math.max(10, columns - cost.length - change.length - 4);
  return [
    `${styled(terminal, 'bold', left)}${gap}${styled(terminal, 'dim', right)}`.trimEnd(),
    `${cost}  ${styled(terminal, share < 0.5 ? 'green' : 'yellow', bar(share, 1, cells, terminal.unicode))}  ${change}`,
  ];
}

function drawHost(
  host: HostView,
  columns: number,
  terminal: Terminal,
  groups: readonly string[],
  tall: boolean,
): readonly string[] {
  const meter = (share: number, cells: number) => {
    const drawn = bar(share, 1, cells, terminal.unicode);
    return share > 0.8 ? styled(terminal, 'red', drawn) : drawn;
  };
  const name = styled(terminal, 'bold', `${host.name} ${host.place}`.padEnd(11));
  const percent = (share: number) => `${Math.round(share * 100)}%`.padStart(4);
  const numbers =
    `memory ${meter(host.memoryShare, 8)}${percent(host.memoryShare)}` +
    `  cpu ${meter(host.cpuShare, 8)}${percent(host.cpuShare)}` +
    `  uplink ${rate(host.nicBitsPerSecond).padStart(10)}`;
  const indent = tall ? 4 : 12;
  const vms = drawVms(host, columns - indent, terminal, groups);
  return tall ? [`${name} ${numbers}`, `${' '.repeat(indent)}${vms}`] : [`${name} ${vms}`];
}

/** The host's VMs side by side, as many as fit; who talks to whom has the same name and colour. */
function drawVms(
  host: HostView,
  width: number,
  terminal: Terminal,
  groups: readonly string[],
): string {
  if (host.vms.length === 0) return styled(terminal, 'dim', 'idle');
  let used = 0;
  const drawn: string[] = [];
  for (const [index, vm] of host.vms.entries()) {
    const mark = { here: '', leaving: '>', arriving: '<' }[vm.state];
    const text = `${mark}${vm.name}`;
    const rest = host.vms.length - index;
    const more = rest > 1 ? ` +${rest - 1}`.length : 0;
    if (used + text.length + more > width) {
      drawn.push(`+${rest}`);
      break;
    }
    used += text.length + 1;
    const colour = groupStyles[groups.indexOf(groupOf(vm.name)) % groupStyles.length] ?? 'bold';
    drawn.push(styled(terminal, vm.state === 'arriving' ? 'dim' : colour, text));
  }
  return drawn.join(' ');
}

function drawMove(move: MovingView, columns: number, terminal: Terminal): string {
  const way = `${move.domain} ${move.from} ${terminal.unicode ? '→' : '->'} ${move.to}`.padEnd(20);
  const speed = `${Math.round(move.share * 100)}%`.padStart(4);
  const detail = `${speed}  ${byteRate(move.bytesPerSecond).padStart(12)}`;
  const cells = Math.max(10, columns - way.length - detail.length - 2);
  return `${way} ${styled(terminal, 'green', bar(move.share, 1, cells, terminal.unicode))} ${detail}`;
}

function drawEvent(event: DemoEvent, columns: number, terminal: Terminal): string {
  const time = clock(event.atSeconds);
  const text = plain(event.text, terminal).replaceAll('\n', ' ');
  const room = columns - time.length - 1;
  const cut = text.length > room ? `${text.slice(0, room - 3)}...` : text;
  return `${styled(terminal, 'dim', time)} ${styled(terminal, eventStyles[event.kind], cut)}`;
}

function plain(text: string, terminal: Terminal): string {
  if (terminal.unicode) return text;
  return text.replaceAll('→', '->').replaceAll('←', '<-').replaceAll('⇄', '<->');
}

function clock(seconds: number): string {
  const whole = Math.floor(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, '0')}`;
}

/** What people read at the end. */
export function summaryText(
  summary: import('./demo-view.ts').DemoSummary,
  terminal: Terminal,
): string {
  const { initialCost, finalCost } = summary;
  const saved = initialCost > 0 ? Math.round((1 - finalCost / initialCost) * 100) : 0;
  const verdict = summary.ok
    ? styled(terminal, 'green', 'Every VM runs on exactly one host, and the network cost fell.')
    : summary.problems.map((problem) => styled(terminal, 'red', problem)).join('\n');
  return [
    `Network cost  ${rate(initialCost)} before, ${rate(finalCost)} after: ${saved} % less`,
    `Deals         ${summary.deals}, of which swaps ${summary.swaps}`,
    `Moves         ${summary.moves} live migrations, ${(summary.migratedBytes / 1024 ** 3).toFixed(1)} GiB, longest pause ${summary.downtimeMsMax} ms` +
      (summary.failedMoves > 0 ? `, ${summary.failedMoves} failed` : ''),
    `Time          ${duration(summary.seconds)}`,
    verdict,
  ].join('\n');
}
