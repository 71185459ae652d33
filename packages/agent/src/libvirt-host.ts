/** A real host: libvirt, nftables, and the migration path in both directions. */

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { arrivalLease } from '@barter/core';
import { libvirtSockets, moverDirectory } from './config/resolve.ts';
import type { Config } from './config/schema.ts';
import { examine } from './doctor/doctor.ts';
import { hostProbes } from './doctor/host-probes.ts';
import type { ArrivalDoor } from './hypervisor/leftovers.ts';
import { LibvirtHypervisor } from './hypervisor/libvirt-hypervisor.ts';
import type { HypervisorNeeds, OpenHypervisor } from './hypervisor-needs.ts';
import type { MigrationPath } from './migration-path.ts';
import { serveArrivals } from './mover/arrivals.ts';
import { departureWay } from './mover/departures.ts';
import { monotonicMs } from './mover/monotonic.ts';
import { plainPath } from './mover/plain-path.ts';
import { readQemuOwner } from './mover/qemu-owner.ts';
import { defaultMoverCommand, type MoverProcess } from './mover/start-mover.ts';
import { type TunnelOptions, TunnelPath } from './mover/tunnel-path.ts';
import { NftablesProbe } from './probe/nftables-probe.ts';
import { type Result, success } from './result.ts';

/** Never fails: what is missing is waited for, and shown among the problems. */
export async function openLibvirtHost(
  config: Config,
  needs: HypervisorNeeds,
): Promise<Result<OpenHypervisor>> {
  const { network, log, clock } = needs;
  const runDirectory = dirname(config.control.socket);
  const owner = await readQemuOwner();
  const mover: MoverProcess = {
    command: defaultMoverCommand(),
    runDirectory: moverDirectory(config),
    logFile: join(config.stateDirectory, 'mover.log'),
  };
  const socketPath = libvirtSocket(config);
  // Open before anybody can ask for it: arrivals are served a moment later.
  let door: ArrivalDoor | undefined;
  const hypervisor = await LibvirtHypervisor.open({
    socketPath,
    path: migrationPath(config, needs, mover, {
      owner,
      qemuDirectory: join(dirname(socketPath), 'qemu'),
    }),
    way: departureWay(mover.runDirectory),
    door: {
      close: async (settlement) => await given(door).close(settlement),
      evidence: async (settlement) => await given(door).evidence(settlement),
    },
    log,
    options: {
      limits: {
        memoryBytes: number(config.limits.memory),
        vcpus: number(config.limits.vcpus),
        nicBitsPerSecond: number(config.limits.nic),
        memoryOvercommit: config.limits.memoryOvercommit,
        cpuOvercommit: config.limits.cpuOvercommit,
        headroom: config.limits.headroom,
      },
      migration: {
        bandwidthBytesPerSecond:
          config.migration.bandwidth > 0 ? config.migration.bandwidth / 8 : null,
        downtimeMaxMs: config.migration.downtimeMs,
      },
      smoothingMs: config.probe.smoothingSeconds * 1000,
    },
  });
  door = serveArrivals({
    ...mover,
    network,
    log,
    clock,
    owner,
    libvirtSocketPath: socketPath,
    checkArrival: (facts) => hypervisor.checkArrival(facts),
    // The core makes the arrival durable first: from then on room is kept whatever happens.
    leaseFor: async (settlement, domain, from) => {
      await needs.arrivalRequested(from, settlement, domain);
      return arrivalLease(needs.state(), from, settlement, domain, clock.nowMs());
    },
    ...(config.migration.address === 'auto' ? {} : { migrationAddress: config.migration.address }),
    ...(config.migration.ports === 'auto' ? {} : { ports: config.migration.ports }),
  });
  const probe = new NftablesProbe({
    smoothingSeconds: config.probe.smoothingSeconds,
    monotonicMs,
    stateFile: join(runDirectory, 'probe.json'),
  });
  return success({
    hypervisor,
    probe,
    problems: () =>
      hypervisor.isReachable
        ? []
        : [`libvirt does not answer at ${socketPath}: start libvirtd or virtqemud`],
    findings: () => examine({ config, probes: hostProbes(), agentRunning: true }),
  });
}

function given(door: ArrivalDoor | undefined): ArrivalDoor {
  if (door === undefined) throw new Error('Arrivals are not served yet.');
  return door;
}

function libvirtSocket(config: Config): string {
  const sockets = libvirtSockets(config.libvirt.socket);
  return sockets.find((path) => existsSync(path)) ?? sockets.at(-1) ?? '';
}

function number(value: number | 'auto'): number | null {
  return value === 'auto' ? null : value;
}

function migrationPath(
  config: Config,
  { network }: HypervisorNeeds,
  mover: MoverProcess,
  qemu: Pick<TunnelOptions, 'owner' | 'qemuDirectory'>,
): MigrationPath {
  const { path } = config.migration;
  return path === 'tunnel'
    ? new TunnelPath({ ...mover, network, ...qemu })
    : plainPath(path, { network });
}
