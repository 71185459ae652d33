/**
 * What the target makes sure of before it opens itself to a domain: that it has, here and now, what the
 * domain's definition names. What only libvirt can tell (CPU features, say) is left to libvirt, which decides
 * before any memory moves.
 */

import { stat } from 'node:fs/promises';
import { isNotFound, type LibvirtClient, LibvirtError } from '@barter/libvirt';
import type { MigrationFacts } from '../migration-path.ts';
import { failure, type Result, success } from '../result.ts';
import { type DomainDefinition, parseDomainXml } from './domain-xml.ts';
import {
  type KernelPaths,
  readFreeHugepageBytes,
  readHostMemory,
  readInterfaces,
} from './host-load.ts';
import { isActive } from './presence.ts';

export type ArrivalWorld = Readonly<{
  client: Pick<LibvirtClient, 'domains' | 'host'>;
  paths: KernelPaths;
  /** How much more memory than there is domains may have together. */
  memoryOvercommit: number;
}>;

/** Errors: `check-failed` with every problem found, or `unreachable` when libvirt cannot be asked. */
export async function checkArrival(
  world: ArrivalWorld,
  facts: MigrationFacts,
): Promise<Result<null>> {
  const parsed = parseDomainXml(facts.xml);
  if (!parsed.ok) return failure('check-failed', parsed.message);
  const definition = parsed.value;
  if (definition.uuid !== facts.uuid || definition.name !== facts.name) {
    return failure('check-failed', `The definition of ${facts.name} is another domain's.`);
  }
  try {
    const problems = (
      await Promise.all([
        memoryProblems(world, facts, definition),
        collisionProblems(world.client, facts),
        networkProblems(world, definition),
        fileProblems(definition),
        machineProblems(world.client, definition),
      ])
    ).flat();
    if (problems.length === 0) return success(null);
    return failure('check-failed', `${facts.name} cannot run here: ${problems.join('; ')}.`);
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return failure('unreachable', `This host could not check ${facts.name}: ${detail}.`);
  }
}

async function memoryProblems(
  { paths, memoryOvercommit }: ArrivalWorld,
  facts: MigrationFacts,
  { hugepageBytes, memoryBytes }: DomainDefinition,
): Promise<string[]> {
  if (hugepageBytes !== null) {
    const free = await readFreeHugepageBytes(paths, hugepageBytes);
    return free >= memoryBytes
      ? []
      : [`it needs ${memoryBytes} bytes of huge pages and ${free} are free`];
  }
  const { availableBytes } = await readHostMemory(paths);
  const needed = Math.ceil(facts.memoryBytes / Math.max(1, memoryOvercommit));
  return availableBytes >= needed
    ? []
    : [`it needs ${needed} bytes of memory and ${availableBytes} are available`];
}

async function collisionProblems(
  client: ArrivalWorld['client'],
  facts: MigrationFacts,
): Promise<string[]> {
  const { domains } = client;
  const [byName, byUuid] = await Promise.all([
    orNull(domains.lookupByName(facts.name)),
    orNull(domains.lookupByUuid(facts.uuid)),
  ]);
  if (byName !== null && byName.uuid !== facts.uuid) {
    return [`another domain here has the name ${facts.name} (${byName.uuid})`];
  }
  if (byUuid === null) return [];
  const { state } = await domains.state(byUuid);
  return isActive(state) ? [`a domain with its UUID is active here (${byUuid.name})`] : [];
}

async function networkProblems(
  { client, paths }: ArrivalWorld,
  { interfaces }: DomainDefinition,
): Promise<string[]> {
  const wanted = (types: readonly string[]) =>
    new Set(
      interfaces.flatMap(({ type, source }) =>
        types.includes(type) && source !== null ? [source] : [],
      ),
    );
  const problems: string[] = [];
  const networks = wanted(['network']);
  if (networks.size > 0) {
    const active = new Set(await client.host.activeNetworks());
    for (const network of networks) {
      if (!active.has(network)) problems.push(`no active network here is named ${network}`);
    }
  }
  const devices = wanted(['bridge', 'direct']);
  if (devices.size > 0) {
    const present = await readInterfaces(paths);
    for (const device of devices) {
      if (!present.has(device)) problems.push(`there is no interface ${device} here`);
    }
  }
  return problems;
}

/** Disks, ISO images and boot files. That they are the same ones as at the source is what shared storage promises. */
async function fileProblems({ disks, bootFiles }: DomainDefinition): Promise<string[]> {
  const paths = disks.flatMap(({ path }) => (path === null ? [] : [path]));
  const problems = await Promise.all(
    [...new Set([...paths, ...bootFiles])].map(async (path) => {
      const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
      return found instanceof Error ? [`${path} is not here (${found.code ?? found.message})`] : [];
    }),
  );
  return problems.flat();
}

/** libvirt knows whether it has the emulator and the machine type; what it cannot say does not count against it. */
async function machineProblems(
  client: ArrivalWorld['client'],
  { emulator, architecture, machine, type }: DomainDefinition,
): Promise<string[]> {
  try {
    await client.host.domainCapabilities({ emulator, architecture, machine, type });
    return [];
  } catch (error) {
    if (!(error instanceof LibvirtError) || error.kind !== 'refused') throw error;
    if (error.is('noSupport')) return [];
    return [`libvirt here: ${error.message}`];
  }
}

async function orNull<Value>(promise: Promise<Value>): Promise<Value | null> {
  try {
    return await promise;
  } catch (error) {
    if (isNotFound(error)) return null;
    throw error;
  }
}
