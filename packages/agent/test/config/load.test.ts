import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type ConfigResult, loadConfig, parseConfig } from '../../src/config/load.ts';

function problemsOf(result: ConfigResult): string[] {
  return result.ok ? [] : result.message.split('\n');
}

function only(text: string): string {
  const problems = problemsOf(parseConfig(text, 'b.yaml'));
  expect(problems).toHaveLength(1);
  return problems[0] ?? '';
}

describe('reading the configuration', () => {
  let directory: string;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'barter-config-'));
  });
  afterEach(async () => {
    await rm(directory, { recursive: true });
  });

  it('an empty file means defaults', () => {
    const empty = parseConfig('', 'b.yaml');
    expect(empty).toMatchObject({
      ok: true,
      value: {
        mode: 'advise',
        listen: ['/ip4/0.0.0.0/tcp/7411'],
        limits: { headroom: 0.1, memory: 'auto', cpuOvercommit: 4 },
        thresholds: { nic: { high: { bitsPerSecond: 4e8 } } },
        trading: { minGain: 1e6, settleAfterSeconds: 60 },
        http: { listen: { address: '127.0.0.1', port: 7412 } },
      },
    });
    expect(parseConfig('limits:\nprobe:\n  # bridges: []\n', 'b.yaml')).toEqual(empty);
  });

  it('of a file that is something else reports the first hundred problems, and soon', () => {
    const text = Array.from({ length: 3000 }, (_, index) => `k${index}: 1`).join('\n');
    const before = process.threadCpuUsage();
    expect(problemsOf(parseConfig(text, 'b.yaml'))).toHaveLength(100);
    expect(process.threadCpuUsage(before).user).toBeLessThan(500_000);
  });

  it('refuses a file that is too large for a configuration unread', async () => {
    const file = join(directory, 'large.yaml');
    await writeFile(file, '#'.repeat(40_000));
    expect(problemsOf(await loadConfig(file))[0]).toContain('larger than 16384 bytes');
  });

  it('refuses what is nested without end with a sentence', () => {
    for (const text of [`a${': '.repeat(8_000)}`, '['.repeat(16_000), '- '.repeat(8_000)]) {
      const before = process.threadCpuUsage();
      expect(problemsOf(parseConfig(text, 'b.yaml')).length).toBeGreaterThan(0);
      expect(process.threadCpuUsage(before).user).toBeLessThan(2_000_000);
    }
  });

  it('refuses a list or a section as a key', () => {
    expect(only('[mode]: auto')).toContain('b.yaml:1:1:');
  });

  it('takes the timing of the preset where the file does not say otherwise', () => {
    const trading = (text: string) => {
      const config = parseConfig(text, 'file');
      return config.ok ? config.value.trading : undefined;
    };
    expect(trading('preset: threshold')).toMatchObject({
      settleAfterSeconds: 60,
      cooldownSeconds: 300,
    });
    expect(trading('preset: aggregate\ntrading: { cooldownSeconds: 7 }')).toMatchObject({
      settleAfterSeconds: 120,
      cooldownSeconds: 7,
      everySeconds: 5,
    });
    expect(trading('preset: default')).toEqual(trading(''));
  });

  it('values come out in base units', () => {
    const text = `
limits: { memory: 64GiB, nic: 10Gbit, headroom: 0.2 }
thresholds: { nic: { high: 80%, swapBand: [40%, 60%] } }
migration: { bandwidth: 2Gbit, ports: 49152-49215, windows: ["mon-fri 22:00-24:00"] }
http: { listen: off }
`;
    expect(parseConfig(text, 'b.yaml')).toMatchObject({
      ok: true,
      value: {
        limits: { memory: 64 * 2 ** 30, nic: 1e10, headroom: 0.2 },
        thresholds: { nic: { high: { share: 0.8 }, swapBand: [{ share: 0.4 }, { share: 0.6 }] } },
        migration: {
          bandwidth: 2e9,
          ports: { first: 49152, last: 49215 },
          windows: [{ days: [1, 2, 3, 4, 5], fromMinute: 1320, toMinute: 1440 }],
        },
        http: { listen: 'off' },
      },
    });
  });

  it('every problem is reported at once, with path, line and what to write instead', () => {
    const text = `mode: automatic
limits:
  nic: 10
  memmory: 2GiB
thresholds:
  nic: { high: 4Gb }
listen: [/ip4/300.0.0.1/tcp/7411]
migration: { windows: ["22-05"], downtimeMs: 0 }
control: { socket: run/barter.sock }
`;
    expect(problemsOf(parseConfig(text, 'b.yaml'))).toEqual([
      'b.yaml:1:7: mode: expected one of observe, advise, auto',
      'b.yaml:3:8: limits.nic: "10" has no unit: write a rate such as 400Mbit or 10Gbit',
      'b.yaml:4:12: limits.memmory: unknown key: did you mean memory?',
      'b.yaml:6:16: thresholds.nic.high: "Gb" is not a unit of rate (bits per second): write a rate such as 400Mbit or 10Gbit',
      'b.yaml:7:10: listen[0]: expected an address such as /ip4/0.0.0.0/tcp/7411 or /dns4/NAME/tcp/7411/p2p/PEER',
      'b.yaml:8:24: migration.windows[0]: "22-05" is not a window: write a window such as 22:00-05:00 or "mon-fri 20:00-24:00"',
      'b.yaml:8:46: migration.downtimeMs: expected a whole number from 1 to 60000',
      'b.yaml:9:20: control.socket: expected an absolute path of at most 107 bytes',
    ]);
  });

  it('a key nobody could have meant is answered with the known ones', () => {
    expect(only('control: { wibble: 3 }')).toBe(
      'b.yaml:1:20: control.wibble: unknown key: known here are socket, group',
    );
    expect(only('Mode: auto')).toContain('did you mean mode?');
  });

  it.each([
    ['probe: { intervalSeconds: 10, smoothingSeconds: 5 }', 'probe.smoothingSeconds'],
    ['thresholds: { nic: { high: 250Mbit } }', 'thresholds.nic.swapBand'],
    ['thresholds: { nic: { swapBand: [300Mbit, 200Mbit] } }', 'thresholds.nic.swapBand'],
    ['thresholds: { nic: { high: 80% } }', 'thresholds.nic.swapBand'],
    ['listen: [/ip4/0.0.0.0/tcp/1, /ip6/::/tcp/1, /ip4/0.0.0.0/tcp/1]', 'listen[2]'],
    ['migration: { address: "10.0.0.1 " }', 'migration.address'],
  ])('rules across keys: %s', (text, path) => {
    expect(only(text)).toContain(path);
  });

  it('broken YAML is one sentence with its line', () => {
    expect(only('mode: [auto\nlisten: x')).toMatch(/^b\.yaml:2:\d+: /);
    expect(only('mode: auto\nmode: advise')).toBe(
      'b.yaml:2:1: this key stands twice in its section',
    );
    expect(only('[1, 2]')).toContain('expected a section with keys');
  });

  it('a document that unfolds without end is refused', () => {
    const layers = Array.from({ length: 12 }, (_, i) => {
      const item = i === 0 ? 'x' : `*a${i - 1}`;
      return `k${i}: &a${i} [${Array(12).fill(item).join(', ')}]`;
    });
    const started = parseConfig(layers.join('\n'), 'b.yaml');
    expect(started).toMatchObject({ ok: false, code: 'config-invalid' });
  });

  it('the default file may be missing, one that was asked for may not', async () => {
    const missing = join(directory, 'absent.yaml');
    expect(await loadConfig(missing)).toMatchObject({ ok: false, code: 'config-unreadable' });
    const file = join(directory, 'barter.yaml');
    await writeFile(file, 'mode: observe');
    expect(await loadConfig(file)).toMatchObject({ ok: true, value: { mode: 'observe' } });
    await writeFile(file, '#'.repeat(300_000));
    expect(await loadConfig(file)).toMatchObject({ ok: false, code: 'config-unreadable' });
  });

  it('no text makes it throw', () => {
    const yamlish = fc.array(
      fc.oneof(
        fc.string(),
        fc.constantFrom('limits:', ' nic: ', '- ', '{', '}', '[', '&a', '*a', '\n', '10%', 'mode'),
      ),
    );
    fc.assert(
      fc.property(yamlish, (parts) => {
        const result = parseConfig(parts.join(''), 'b.yaml');
        if (!result.ok) expect(result.problems.length).toBeGreaterThan(0);
      }),
    );
  });
});
