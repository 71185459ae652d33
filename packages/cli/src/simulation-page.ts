/** `barter simulate` for people: what it would cost and save, what would move when, and what each host carries. Pure. */

import type { Cluster, Migration, SimulationResult } from '@barter/sim';
import { bytes, clean, duration, percent, plural, rate } from './format.ts';
import { table } from './table.ts';

export type SimulationPageOptions = Readonly<{
  preset: string;
  seed: number;
  /** The width to fit into, null for as wide as needed. */
  columns: number | null;
}>;

const movesMax = 20;
const hostsMax = 40;

export function simulationPage(
  cluster: Cluster,
  result: SimulationResult,
  options: SimulationPageOptions,
): string {
  const { hosts, domains } = cluster;
  const blocks = [
    [
      `${plural(hosts.length, 'host')}, ${plural(domains.length, 'VM')}, preset ${options.preset}, seed ${options.seed}`,
    ],
    summary(result),
    moves(result.migrations, options.columns),
    carried(cluster, result, options.columns),
    stuck(result),
  ];
  return blocks
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function summary(result: SimulationResult): string[] {
  const { initialCost, finalCost, deals, migrations, migratedBytes } = result;
  const change =
    initialCost <= 0 || finalCost === initialCost
      ? ''
      : finalCost < initialCost
        ? `: ${percent(initialCost - finalCost, initialCost)} less`
        : `: ${percent(finalCost - initialCost, initialCost)} more`;
  const last = migrations.at(-1);
  const end = result.series.at(-1)?.atSeconds ?? 0;
  const after = duration(result.quietAtSeconds);
  return [
    `${label('network cost')}${rate(initialCost)} before, ${rate(finalCost)} after${change}`,
    `${label('deals')}${deals}`,
    `${label('moves')}${plural(migrations.length, 'live migration')}, ${bytes(migratedBytes)}${
      last === undefined ? '' : `, the last one after ${duration(last.atSeconds)}`
    }`,
    `${label('messages')}${result.messages} (${bytes(result.messageBytes)})`,
    result.quiet
      ? `${label('quiet')}after ${after}; simulated in ${duration(result.wallSeconds)}`
      : `${label('not quiet')}after ${duration(end)}; the last change was at ${after}`,
  ];
}

function moves(migrations: readonly Migration[], columns: number | null): string[] {
  if (migrations.length === 0) return [];
  const shown = migrations.slice(0, movesMax);
  const drawn = table<Migration>(
    shown,
    [
      { head: 'AT', cell: ({ atSeconds }) => duration(atSeconds), right: true },
      { head: 'VM', cell: ({ domain }) => domain, flexible: true },
      { head: 'FROM', cell: ({ from }) => from, flexible: true },
      { head: 'TO', cell: ({ to }) => to, flexible: true },
      { head: 'SENT', cell: (migration) => bytes(migration.bytes), right: true },
    ],
    columns,
  );
  const more = migrations.length - shown.length;
  return more > 0 ? [drawn, `and ${more} more; --json lists all`] : [drawn];
}

type Carried = Readonly<{
  id: string;
  before: number;
  after: number;
  memory: string;
  mean: number;
  peak: number;
}>;

function carried(cluster: Cluster, result: SimulationResult, columns: number | null): string[] {
  const rows = cluster.hosts.slice(0, hostsMax).map((host): Carried => {
    const here = cluster.domains.filter(({ id }) => result.placement[id] === host.id);
    const memoryBytes = here.reduce((sum, domain) => sum + domain.memoryBytes, 0);
    const loads = result.series.map(({ hosts }) => hosts[host.id]?.nicBitsPerSecond ?? 0);
    return {
      id: host.id,
      before: cluster.domains.filter((domain) => domain.host === host.id).length,
      after: here.length,
      memory: percent(memoryBytes, host.memoryBytes),
      mean: loads.reduce((sum, load) => sum + load, 0) / Math.max(1, loads.length),
      peak: loads.reduce((most, load) => Math.max(most, load), 0),
    };
  });
  const drawn = table<Carried>(
    rows,
    [
      { head: 'HOST', cell: ({ id }) => id, flexible: true },
      { head: 'VMS', cell: ({ before, after }) => `${before} to ${after}`, right: true },
      { head: 'MEMORY', cell: ({ memory }) => memory, right: true },
      { head: 'UPLINK MEAN', cell: ({ mean }) => rate(mean), right: true },
      { head: 'PEAK', cell: ({ peak }) => rate(peak), right: true },
    ],
    columns,
  );
  const more = cluster.hosts.length - rows.length;
  return more > 0 ? [drawn, `and ${plural(more, 'host')} more`] : [drawn];
}

function stuck({ quiet, unsettled }: SimulationResult): string[] {
  if (quiet || unsettled.length === 0) return [];
  return [
    `${plural(unsettled.length, 'move')} agreed on and not made:`,
    ...unsettled
      .slice(0, movesMax)
      .map(
        ({ domain, holder, reason }) => `  ${clean(domain)} to ${clean(holder)}: ${clean(reason)}`,
      ),
  ];
}

function label(text: string): string {
  return `${text} `.padEnd(14);
}
