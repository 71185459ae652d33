/**
 * The one schema of `/etc/barter/barter.yaml`: every key is optional, unknown keys are refused, and what
 * comes out is in base units (bytes, bits per second, fractions of one; times carry their unit in the key).
 *
 * What each key means, and what it trades for what, is in `docs/configuration.md`, which a test holds
 * to this schema. Rules that look at more than one key are in `rules.ts`.
 */

import { z } from 'zod';
import {
  absolutePath,
  autoOrRate,
  autoOrSize,
  choice,
  decimal,
  httpListen,
  migrationWindow,
  multiaddr,
  portRange,
  rate,
  rateOrShare,
  share,
  socketPath,
  text,
  whole,
} from './fields.ts';

const daySeconds = 86_400;

const cluster = z.strictObject({
  name: text(64, 'a name of at most 64 characters').default('default'),
  keyFile: absolutePath(4096).default('/etc/barter/host.key'),
  bootstrap: z.array(multiaddr).max(64).default([]),
});

const libvirt = z.strictObject({
  socket: z.union([z.literal('auto'), socketPath]).default('auto'),
});

const hypervisor = z.strictObject({
  kind: choice(['libvirt', 'simulated']).default('libvirt'),
  socket: z.union([z.literal('auto'), socketPath]).default('auto'),
});

const probe = z.strictObject({
  kind: choice(['auto', 'nftables']).default('auto'),
  intervalSeconds: decimal(0.1, 3600).default(5),
  smoothingSeconds: decimal(0.1, daySeconds).default(60),
});

const limits = z.strictObject({
  migrationsAtOnce: whole(1, 64).default(1),
  memory: autoOrSize.default('auto'),
  vcpus: z
    .union([z.literal('auto'), z.number().int().min(1).max(65_536)], {
      error: 'expected a number of physical CPUs, or auto',
    })
    .default('auto'),
  nic: autoOrRate.default('auto'),
  memoryOvercommit: decimal(0.1, 10).default(1.0),
  cpuOvercommit: decimal(0.1, 64).default(4.0),
  headroom: share.prefault('10%'),
});

const thresholds = z.strictObject({
  nic: z
    .strictObject({
      high: rateOrShare.prefault('400Mbit'),
      swapBand: z
        .tuple([rateOrShare, rateOrShare], { error: 'expected [LOW, HIGH]' })
        .prefault(['200Mbit', '300Mbit']),
    })
    .prefault({}),
  cpu: z.strictObject({ high: share.prefault(0.8) }).prefault({}),
  memory: z.strictObject({ high: share.prefault(0.9) }).prefault({}),
});

const trading = z.strictObject({
  everySeconds: decimal(0.1, 3600).default(5),
  settleAfterSeconds: decimal(0, daySeconds).default(60),
  paybackSeconds: decimal(1, 365 * daySeconds).default(3600),
  cooldownSeconds: decimal(0, 30 * daySeconds).default(1800),
  minGain: rate.prefault('1Mbit'),
});

const migration = z.strictObject({
  path: choice(['tunnel', 'tls', 'ssh', 'tcp']).default('tunnel'),
  bandwidth: rate.prefault(0),
  downtimeMs: whole(1, 60_000).default(300),
  windows: z.array(migrationWindow).max(64).prefault([]),
  address: z
    .union([z.literal('auto'), text(253, 'an IP address or host name, or auto')])
    .default('auto'),
  ports: z.union([z.literal('auto'), portRange]).default('auto'),
});

export const configSchema = z.strictObject({
  name: z
    .union([z.literal('auto'), text(64, 'a name of at most 64 characters, or auto')])
    .default('auto'),
  cluster: cluster.prefault({}),
  listen: z.array(multiaddr).min(1).max(16).default(['/ip4/0.0.0.0/tcp/7411']),
  location: z.array(text(64, 'the name of a level')).max(8).default([]),
  mode: choice(['observe', 'advise', 'auto']).default('advise'),
  preset: choice(['default', 'threshold', 'cpu-balance', 'aggregate', 'affinity']).default(
    'default',
  ),
  stateDirectory: absolutePath(4096).default('/var/lib/barter'),
  libvirt: libvirt.prefault({}),
  hypervisor: hypervisor.prefault({}),
  probe: probe.prefault({}),
  limits: limits.prefault({}),
  thresholds: thresholds.prefault({}),
  trading: trading.prefault({}),
  migration: migration.prefault({}),
  control: z
    .strictObject({
      socket: socketPath.default('/run/barter/control.sock'),
      group: text(32, 'the name or number of a group').default('barter'),
    })
    .prefault({}),
  http: z.strictObject({ listen: httpListen.prefault('127.0.0.1:7412') }).prefault({}),
  log: z
    .strictObject({ level: choice(['debug', 'info', 'warn', 'error']).default('info') })
    .prefault({}),
});

/** The configuration in base units, every key filled in. */
export type Config = z.output<typeof configSchema>;

/** Where the agent looks when no `--config` is given. */
export const defaultConfigPath = '/etc/barter/barter.yaml';
