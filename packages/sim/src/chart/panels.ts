/** What a chart shows: one panel for the network cost, one for the uplinks, one for CPU load. Pure. */

import type { SeriesPoint, SimulationResult } from '../simulate/result.ts';
import type { Cluster } from '../world/cluster-model.ts';

export type ChartOptions = Readonly<{
  title?: string;
  preset?: string;
  /** Drawn as a line across the uplinks; by default with the preset that acts on it. */
  thresholdBitsPerSecond?: number;
}>;

export type Line = Readonly<{
  name: string;
  /** Seconds, value in the panel's unit. */
  points: readonly (readonly [number, number])[];
}>;

export type Panel = Readonly<{
  title: string;
  unit: string;
  lines: readonly Line[];
  limit?: Readonly<{ name: string; value: number }>;
}>;

/** More hosts than this are shown as the least, the middle and the most loaded one. */
const hostsMax = 8;
const defaultThresholdBitsPerSecond = 400e6;

export function panelsOf(
  cluster: Cluster,
  result: SimulationResult,
  options: ChartOptions,
): readonly Panel[] {
  const { series } = result;
  const most = Math.max(...series.map(({ cost }) => cost), 0);
  const scale = most >= 10e9 ? { unit: 'Gbit/s', size: 1e9 } : { unit: 'Mbit/s', size: 1e6 };
  const cost: Panel = {
    title: 'Network cost: rate × distance of the hosts',
    unit: scale.unit,
    lines: [
      {
        name: 'all pairs of VMs',
        points: series.map((point) => [point.atSeconds, point.cost / scale.size]),
      },
    ],
  };
  const threshold =
    options.thresholdBitsPerSecond ??
    (options.preset === 'threshold' ? defaultThresholdBitsPerSecond : undefined);
  const uplinks: Panel = {
    title: 'Uplink of each host',
    unit: 'Mbit/s',
    lines: hostLines(cluster, series, (load) => load.nicBitsPerSecond / 1e6, 'Mbit/s'),
    ...(threshold === undefined
      ? {}
      : { limit: { name: `${threshold / 1e6} Mbit/s`, value: threshold / 1e6 } }),
  };
  const cpu: Panel = {
    title: 'CPU load of each host',
    unit: 'cores',
    lines: hostLines(cluster, series, (load) => load.cpu, 'cores'),
  };
  const hasCost = most > 0;
  const hasCpu = series.some(({ hosts }) => Object.values(hosts).some((load) => load.cpu > 0));
  const hasTraffic = series.some(({ hosts }) =>
    Object.values(hosts).some((load) => load.nicBitsPerSecond > 0),
  );
  return [
    ...(hasCost || !(hasTraffic || hasCpu) ? [cost] : []),
    ...(hasTraffic ? [uplinks] : []),
    ...(hasCpu ? [cpu] : []),
  ];
}

type Load = SeriesPoint['hosts'][string];

function hostLines(
  cluster: Cluster,
  series: readonly SeriesPoint[],
  value: (load: Load) => number,
  unit: string,
): readonly Line[] {
  const at = (point: SeriesPoint, host: string): number =>
    value(point.hosts[host] ?? { nicBitsPerSecond: 0, cpu: 0 });
  if (cluster.hosts.length <= hostsMax) {
    return cluster.hosts.map(({ id }) => {
      const points = series.map((point) => [point.atSeconds, at(point, id)] as const);
      const mean = points.reduce((sum, [, load]) => sum + load, 0) / Math.max(1, points.length);
      return { name: `${id}, mean ${mean.toFixed(mean < 10 ? 1 : 0)} ${unit}`, points };
    });
  }
  const ranked = series.map((point) => ({
    atSeconds: point.atSeconds,
    loads: cluster.hosts.map(({ id }) => at(point, id)).sort((one, other) => one - other),
  }));
  const rank = (name: string, share: number): Line => ({
    name,
    points: ranked.map(({ atSeconds, loads }) => [
      atSeconds,
      loads[Math.round(share * (loads.length - 1))] ?? 0,
    ]),
  });
  return [rank('most loaded', 1), rank('median', 0.5), rank('least loaded', 0)];
}
