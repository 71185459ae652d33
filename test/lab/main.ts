/** `npm run lab -- up|status|down`: the command line of the lab. Exit codes: 0 done, 1 failed, 2 wrong usage. */

import { parseArgs } from 'node:util';
import { downLab } from './down.ts';
import { openLab } from './lab.ts';
import {
  defaultOptions,
  type LabOptions,
  mergeSettings,
  type Placement,
  parseBitsPerSecond,
  parseSetting,
} from './options.ts';
import { identify, LabError, type ProcessRecord } from './process.ts';
import { statusText } from './status.ts';
import { upLab } from './up.ts';

const usage = `Real KVM hosts on this machine. Needs root and what 'npm run lab:install' installs.

  npm run lab -- up [options]          build the lab; harmless when it is up
  npm run lab -- status [--json]       what runs where, from the libvirtds and the guests themselves
  npm run lab -- exec HOST COMMAND …   run a command inside a host (barter, virsh, …)
  npm run lab -- down                  take everything away, also after a crash

  --name NAME              which lab (default ${defaultOptions.name}); several may exist at once
  --hosts N --domains N    default ${defaultOptions.hosts} and ${defaultOptions.domains}; vm1 talks to vm2, vm3 to vm4, …
  --rate RATE              what the guests of a pair send each other, both directions added (default 10mbit)
  --uplink RATE            limits every host's uplink, each direction (50mbit, say)
  --placement split|together|random    split (default): the guests of a pair on different hosts
  --seed N                 of the random placement
  --memory-per-host N      how many guests fit a host, by its agent's memory limit
                           (default: one more than an equal share)
  --transient N            how many more may be there while guests change places (default 1)
  --mode auto|advise|observe           of the agents (default auto)
  --set KEY=VALUE          agent configuration, such as trading.everySeconds=2; may be repeated
  --no-agents              hosts and guests only
  --owner PID              goes with that process: once it is gone, whoever builds the next lab takes this one away
                           (default: it stays until down)
`;

class UsageError extends Error {}

const report = (line: string) => console.error(line);

async function main(argv: readonly string[]): Promise<void> {
  const [command, ...rest] = argv;
  switch (command) {
    case 'up':
      return await up(rest);
    case 'status':
      return await status(rest);
    case 'exec':
      return await exec(rest);
    case 'down':
      return await down(rest);
    case 'help':
    case '--help':
      console.log(usage);
      return;
    default:
      throw new UsageError(`expected up, status, exec or down`);
  }
}

async function up(argv: string[]): Promise<void> {
  const values = parse(argv, {
    name: { type: 'string' },
    hosts: { type: 'string' },
    domains: { type: 'string' },
    rate: { type: 'string' },
    uplink: { type: 'string' },
    placement: { type: 'string' },
    seed: { type: 'string' },
    'memory-per-host': { type: 'string' },
    transient: { type: 'string' },
    mode: { type: 'string' },
    set: { type: 'string', multiple: true },
    agents: { type: 'boolean', default: true },
    owner: { type: 'string' },
  });
  const options: Partial<LabOptions> = {
    name: text(values.name) ?? defaultOptions.name,
    ...number(values.hosts, 'hosts'),
    ...number(values.domains, 'domains'),
    ...number(values.seed, 'seed'),
    ...number(values['memory-per-host'], 'guestsPerHost'),
    ...number(values.transient, 'transientGuestsPerHost'),
    ...rate(values.rate, 'pairBitsPerSecond'),
    ...rate(values.uplink, 'uplinkBitsPerSecond'),
    ...oneOf(values.placement, 'placement', [
      'split',
      'together',
      'random',
    ] as const satisfies Placement[]),
    ...oneOf(values.mode, 'mode', ['auto', 'advise', 'observe'] as const),
    settings: ((values.set as string[] | undefined) ?? [])
      .map(parseSetting)
      .reduce(mergeSettings, {}),
    agents: values.agents === true,
  };
  const start = performance.now();
  await upLab(options, report, owner(values.owner));
  report(`took ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

async function status(argv: string[]): Promise<void> {
  const values = parse(argv, { name: { type: 'string' }, json: { type: 'boolean' } });
  const status = await open(values.name).status();
  console.log(values.json === true ? JSON.stringify(status, null, 2) : statusText(status));
}

async function exec(argv: string[]): Promise<void> {
  const named = argv[0] === '--name';
  const [host, ...command] = named ? argv.slice(2) : argv;
  if (host === undefined || command.length === 0)
    throw new UsageError('exec takes a host and a command');
  const lab = open(named ? argv[1] : undefined);
  const result =
    command[0] === 'barter'
      ? await lab.barter(host, ...command.slice(1))
      : await lab.exec(host, command);
  process.stdout.write(result.stdout);
  process.stderr.write(result.stderr);
  process.exitCode = result.code;
}

async function down(argv: string[]): Promise<void> {
  const values = parse(argv, { name: { type: 'string' } });
  const name = text(values.name) ?? defaultOptions.name;
  report((await downLab(name)) ? `lab '${name}' is gone` : `there is no lab '${name}'`);
}

function open(name: unknown) {
  const wanted = text(name) ?? defaultOptions.name;
  const lab = openLab(wanted);
  if (!lab)
    throw new LabError(`there is no lab '${wanted}'; build it with: sudo npm run lab -- up`);
  return lab;
}

type Values = Readonly<Record<string, string | boolean | string[] | undefined>>;

function parse(
  args: string[],
  options: Record<string, { type: 'string' | 'boolean'; multiple?: boolean; default?: boolean }>,
): Values {
  try {
    return parseArgs({ args, options, allowNegative: true, strict: true }).values as Values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function number<Key extends keyof LabOptions>(
  value: unknown,
  key: Key,
): Partial<Record<Key, number>> {
  if (value === undefined) return {};
  const parsed = Number(value);
  if (!Number.isInteger(parsed) || parsed < 0)
    throw new UsageError(`'${value}' is not a whole number (${key})`);
  return { [key]: parsed } as Partial<Record<Key, number>>;
}

/** By hand a lab goes with no process: the one that reads this ends in a moment. */
function owner(value: unknown): ProcessRecord | null {
  if (value === undefined) return null;
  const record = identify(Number(value));
  if (!record) throw new UsageError(`there is no process '${value}' (owner)`);
  return record;
}

function rate<Key extends keyof LabOptions>(
  value: unknown,
  key: Key,
): Partial<Record<Key, number>> {
  if (typeof value !== 'string') return {};
  return { [key]: parseBitsPerSecond(value) } as Partial<Record<Key, number>>;
}

function oneOf<Key extends string, Value extends string>(
  value: unknown,
  key: Key,
  allowed: readonly Value[],
): Partial<Record<Key, Value>> {
  if (value === undefined) return {};
  const found = allowed.find((candidate) => candidate === value);
  if (!found) throw new UsageError(`--${key} takes one of ${allowed.join(', ')}`);
  return { [key]: found } as Partial<Record<Key, Value>>;
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (error instanceof UsageError) {
    console.error(`lab: ${error.message}\n\n${usage}`);
    process.exitCode = 2;
  } else if (error instanceof LabError) {
    console.error(`lab: ${error.message}`);
    process.exitCode = 1;
  } else throw error;
}
