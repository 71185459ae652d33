import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { order, until } from './harness.ts';
import { startHosts, whyNoHosts } from './hosts.ts';

const reason = await whyNoHosts();
if (reason !== undefined) console.log(`skipped: real migrations through the mover (${reason})`);
const real = test.skipIf(reason !== undefined);

let hosts: Awaited<ReturnType<typeof startHosts>>;

beforeAll(async () => {
  if (reason === undefined) hosts = await startHosts();
}, 90_000);

afterAll(async () => {
  await hosts?.stop();
});

const definition = `<domain type='qemu'><name>web1</name><uuid>${order.domain}</uuid>
<memory unit='MiB'>64</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator><serial type='pty'/><console type='pty'/>
<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel></devices></domain>`;

/** Opens the path for the running guest, the way an agent does. */
async function openPath() {
  const { source } = hosts;
  const xml = await source.virsh('dumpxml', '--migratable', 'web1');
  const facts = { name: 'web1', uuid: order.domain, memoryBytes: 64 * 1024 ** 2, vcpus: 1, xml };
  const opened = source.next('opened');
  source.tell({ kind: 'open', order, facts });
  const { result } = await opened;
  if (!result.ok) throw new Error(`${result.code}: ${result.message}`);
  return result.value;
}

async function moversLeft(): Promise<number> {
  const lefts = [hosts.source, hosts.target].map(async (host) => {
    const left = host.next('left');
    host.tell({ kind: 'left' });
    return (await left).movers;
  });
  return (await Promise.all(lefts)).reduce((sum, count) => sum + count, 0);
}

real(
  'a real guest moves from one libvirtd to another through the filter',
  async () => {
    const { source, target, directory } = hosts;
    const { writeFile } = await import('node:fs/promises');
    await writeFile(join(directory, 'web1.xml'), definition);
    await source.virsh('define', join(directory, 'web1.xml'));
    await source.virsh('start', 'web1');
    const path = await openPath();
    await source.virsh(
      ...['migrate', '--live', '--p2p', '--persistent', '--undefinesource', '--auto-converge'],
      ...['--abort-on-error', 'web1', path.destinationUri, '--migrateuri', path.migrateUri ?? ''],
    );
    expect(await target.domainState('web1')).toBe('running');
    expect(await source.domainState('web1')).toBe('absent');
    expect(await target.virsh('list', '--persistent', '--name')).toBe('web1');
    await until('the movers ended by themselves', async () => (await moversLeft()) === 0);
  },
  120_000,
);

real(
  'the same path opens no libvirt connection for anything but the migration',
  async () => {
    const { source, target, directory } = hosts;
    // Back to the source, by the target's administrator, so that there is something to protect.
    await target.virsh('destroy', 'web1');
    await target.virsh('undefine', 'web1');
    await source.virsh('define', join(directory, 'web1.xml'));
    await source.virsh('start', 'web1');
    const path = await openPath();
    await expect(source.virsh('-c', path.destinationUri, 'list', '--all')).rejects.toThrow();
    await expect(
      source.virsh('-c', path.destinationUri, 'define', join(directory, 'web1.xml')),
    ).rejects.toThrow();
    expect(await target.virsh('list', '--all', '--name')).toBe('');
    const log = await readFile(join(directory, 'target.log'), 'utf8');
    expect(log).toMatch(/libvirt call procedure 273 was refused/);
    const closed = source.next('closed');
    source.tell({ kind: 'close' });
    await closed;
    await until('both movers are gone', async () => (await moversLeft()) === 0);
  },
  120_000,
);
