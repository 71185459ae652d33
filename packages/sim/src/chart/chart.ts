/**
 * Draws a simulation as SVG: network cost, uplinks and CPU load over time, with every migration marked.
 *
 * The only module that needs the charting library, so it is imported only by whoever draws: no agent
 * loads it.
 */

import { LineChart } from 'echarts/charts';
import {
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TitleComponent,
} from 'echarts/components';
import * as echarts from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import type { Migration, SimulationResult } from '../simulate/result.ts';
import type { Cluster } from '../world/cluster-model.ts';
import { type ChartOptions, type Panel, panelsOf } from './panels.ts';

echarts.use([
  LineChart,
  GridComponent,
  LegendComponent,
  MarkLineComponent,
  TitleComponent,
  SVGRenderer,
]);

const width = 960;
/** A host has the same colour in every panel. */
const colours = [
  '#2f6db5',
  '#d9822b',
  '#3a8f5c',
  '#8a5fb0',
  '#b8456b',
  '#5b7083',
  '#a3923a',
  '#2ba5b0',
];
const titleHeight = 56;
const panelHeight = 260;
/** Room above a panel for its title and legend, and below it for its axis. */
const headHeight = 56;
const footHeight = 40;
/** With more than this, moves are lines without names. */
const namedMovesMax = 12;
/** Moves closer than this share of the time share a label. */
const labelShare = 0.08;

/** The whole SVG document as text. */
export function chart(
  cluster: Cluster,
  result: SimulationResult,
  options: ChartOptions = {},
): string {
  const panels = panelsOf(cluster, result, options);
  const height = titleHeight + panels.length * panelHeight;
  const drawn = echarts.init(null, null, { renderer: 'svg', ssr: true, width, height });
  const endMinutes = endOf(result) / 60;
  drawn.setOption({
    animation: false,
    backgroundColor: '#ffffff',
    textStyle: { fontFamily: 'sans-serif' },
    title: [
      {
        text: options.title ?? titleOf(cluster, result),
        left: 16,
        top: 10,
        textStyle: { fontSize: 16 },
      },
      ...panels.map(({ title }, index) => ({
        text: title,
        left: 16,
        top: topOf(index),
        textStyle: { fontSize: 13 },
      })),
    ],
    legend: panels.map(({ lines }, index) => ({
      data: lines.map(({ name }) => name),
      left: 16,
      right: 24,
      top: topOf(index) + 20,
      itemHeight: 8,
      itemGap: 28,
      selectedMode: false,
      textStyle: { fontSize: 11 },
    })),
    grid: panels.map((_, index) => ({
      left: 72,
      right: 24,
      top: topOf(index) + headHeight,
      height: panelHeight - headHeight - footHeight,
    })),
    xAxis: panels.map((_, index) => ({
      type: 'value',
      gridIndex: index,
      min: 0,
      max: endMinutes,
      axisLabel: { formatter: '{value} min', fontSize: 11 },
      splitLine: { show: false },
    })),
    yAxis: panels.map(({ unit }, index) => ({
      type: 'value',
      gridIndex: index,
      min: 0,
      axisLabel: { formatter: `{value} ${unit}`, fontSize: 11 },
      splitLine: { lineStyle: { color: '#eeeeee' } },
    })),
    series: panels.flatMap((panel, index) => seriesOf(panel, index, result)),
  });
  const svg = drawn.renderToSVGString();
  drawn.dispose();
  return `${svg}\n`;
}

function topOf(panel: number): number {
  return titleHeight + panel * panelHeight;
}

/** What each move is called; of several that are too close for a label each, the first one has all names. */
function labelsOf(migrations: readonly Migration[], apartSeconds: number): readonly string[] {
  const labels = migrations.map(({ domain, to }) => `${domain} → ${to}`);
  let first = 0;
  for (let index = 1; index < migrations.length; index++) {
    const gap = (migrations[index]?.atSeconds ?? 0) - (migrations[first]?.atSeconds ?? 0);
    if (gap > apartSeconds) {
      first = index;
      continue;
    }
    labels[first] += `, ${labels[index]}`;
    labels[index] = '';
  }
  return labels;
}

/** A little more than the last move, so that what came of it is to be seen. */
function endOf({ series, migrations }: SimulationResult): number {
  return Math.max(series.at(-1)?.atSeconds ?? 0, 1.04 * (migrations.at(-1)?.atSeconds ?? 0));
}

function titleOf(cluster: Cluster, { migrations }: SimulationResult): string {
  const moves = migrations.length === 1 ? '1 migration' : `${migrations.length} migrations`;
  return `${cluster.hosts.length} hosts, ${cluster.domains.length} VMs, ${moves}`;
}

function seriesOf(panel: Panel, index: number, result: SimulationResult) {
  return panel.lines.map((line, position) => ({
    type: 'line',
    name: line.name,
    xAxisIndex: index,
    yAxisIndex: index,
    showSymbol: false,
    silent: true,
    step: 'end',
    lineStyle: { width: 1.5, color: colours[position % colours.length] },
    itemStyle: { color: colours[position % colours.length] },
    data: [
      ...line.points.map(([seconds, value]) => [seconds / 60, value]),
      [endOf(result) / 60, line.points.at(-1)?.[1] ?? 0],
    ],
    // Marks belong to the panel; the library hangs them on a line.
    ...(position === 0 ? { markLine: marks(panel, result) } : {}),
  }));
}

function marks({ limit }: Panel, result: SimulationResult) {
  const { migrations } = result;
  const named = migrations.length <= namedMovesMax;
  const labels = labelsOf(migrations, endOf(result) * labelShare);
  return {
    symbol: 'none',
    silent: true,
    // Rounded values of the last moves would lie beyond the axis.
    precision: 6,
    data: [
      ...(limit === undefined
        ? []
        : [
            {
              yAxis: limit.value,
              lineStyle: { color: '#c0392b', type: 'dashed' },
              label: { formatter: limit.name, position: 'insideEndTop', color: '#c0392b' },
            },
          ]),
      ...migrations.map(({ atSeconds }, index) => ({
        xAxis: atSeconds / 60,
        lineStyle: { color: '#7f8c8d', type: 'dotted', width: named ? 1 : 0.5 },
        label:
          named && labels[index] !== ''
            ? { formatter: labels[index], fontSize: 10, position: 'end', rotate: 0 }
            : { show: false },
      })),
    ],
  };
}
