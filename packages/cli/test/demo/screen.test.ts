import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { DemoView } from '../../src/demo/demo-view.ts';
import { drawScreen, eventLine, summaryText } from '../../src/demo/screen.ts';
import type { Terminal } from '../../src/terminal.ts';

const plain: Terminal = {
  out: () => {},
  error: () => {},
  input: async () => '',
  columns: 80,
  colours: false,
  unicode: true,
};

function view(hosts: number, vms: number): DemoView {
  return {
    phase: 'moving',
    elapsedSeconds: 83.4,
    agentsUp: hosts,
    initialCost: 4e9,
    cost: 1e9,
    paperCost: 0.4e9,
    hosts: Array.from({ length: hosts }, (_, index) => ({
      name: `h${index + 1}`,
      place: 'rack1',
      memoryShare: 0.9,
      cpuShare: 0.25,
      nicBitsPerSecond: 1.2e9,
      vms: Array.from({ length: vms }, (_entry, number) => ({
        name: `shop-${number}`,
        state: number === 0 ? ('leaving' as const) : ('here' as const),
      })),
    })),
    moving: [{ domain: 'shop-0', from: 'h1', to: 'h2', share: 0.5, bytesPerSecond: 1e9 }],
    events: Array.from({ length: 40 }, (_, index) => ({
      atSeconds: index,
      kind: 'deal' as const,
      text: `h1 ⇄ h2: ${'shop-1, '.repeat(20)} number ${index}`,
    })),
  };
}

describe('the live view', () => {
  it.each([
    [5, 4, 80, 24],
    [5, 40, 80, 24],
    [16, 13, 80, 24],
    [5, 4, 200, 60],
    [2, 0, 40, 12],
  ])('of %i hosts with %i VMs each fits into %i × %i', (hosts, vms, columns, rows) => {
    const lines = drawScreen(view(hosts, vms), { columns, rows }, plain).split('\n');
    expect(lines.length).toBeLessThan(rows);
    if (columns >= 80) {
      for (const line of lines) expect(line.length, line).toBeLessThanOrEqual(columns);
    }
  });

  it('shows cost, hosts, VMs, what moves and the newest events', () => {
    const screen = drawScreen(view(5, 4), { columns: 80, rows: 24 }, plain);
    expect(screen).toContain('network cost');
    expect(screen).toContain('25 % of 4 Gbit/s, on paper 10 %');
    expect(screen).toContain('h5 rack1');
    expect(screen).toContain('>shop-0 shop-1 shop-2');
    expect(screen).toMatch(/shop-0 h1 → h2 .* 50%/);
    expect(screen).toContain('0:39 h1 ⇄ h2');
    expect(screen).not.toContain('0:01 ');
  });

  it('has the same text with colours', () => {
    const size = { columns: 80, rows: 24 };
    const coloured = drawScreen(view(5, 4), size, { ...plain, colours: true });
    expect(stripVTControlCharacters(coloured)).toBe(drawScreen(view(5, 4), size, plain));
    expect(coloured).not.toBe(stripVTControlCharacters(coloured));
  });

  it('keeps to ASCII where the terminal cannot do more', () => {
    const size = { columns: 80, rows: 24 };
    const screen = drawScreen(view(5, 4), size, { ...plain, unicode: false });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII is meant
    expect(screen).toMatch(/^[\x00-\x7f]*$/);
  });

  it('prints an event as one line where there is no terminal', () => {
    expect(eventLine({ atSeconds: 12.34, kind: 'move', text: 'vm1: h1 → h2' })).toBe(
      '  12.3 s  move       vm1: h1 → h2',
    );
  });
});

describe('the summary', () => {
  const summary = {
    ok: true,
    initialCost: 4e9,
    finalCost: 1e9,
    hosts: 5,
    domains: 20,
    deals: 12,
    swaps: 3,
    moves: 11,
    failedMoves: 0,
    migratedBytes: 30 * 1024 ** 3,
    downtimeMsMax: 40,
    seconds: 41,
    lost: [],
    doubled: [],
    problems: [],
  };

  it('tells cost before and after, deals, moves, bytes and time', () => {
    const text = summaryText(summary, plain);
    for (const part of [
      '4 Gbit/s before, 1 Gbit/s after: 75 % less',
      'swaps 3',
      '11 live',
      '30.0 GiB',
      '41s',
    ]) {
      expect(text).toContain(part);
    }
  });

  it('says what went wrong', () => {
    const text = summaryText({ ...summary, ok: false, problems: ['Lost: shop-1.'] }, plain);
    expect(text).toContain('Lost: shop-1.');
    expect(text).not.toContain('exactly one host');
  });
});
