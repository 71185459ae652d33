/** What is read out of a domain's definition, and that nothing else comes of bad ones. */

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DomainDefinition, parseDomainXml } from '../../src/hypervisor/domain-xml.ts';
import { domainMemoryBytes } from '../../src/hypervisor/memory.ts';

const uuid = '6695eb01-f6a4-8304-79aa-97f2502e193f';
const mebibyte = 1024 ** 2;

const full = `<domain type='kvm' id='7'>
  <name>web-1</name><uuid>${uuid.toUpperCase()}</uuid>
  <metadata>
    <app:owner xmlns:app="https://app.example/1">somebody</app:owner>
    <barter:policy xmlns:barter="https://barter.dev/policy/1"><barter:frozen/></barter:policy>
  </metadata>
  <maxMemory slots='4' unit='GiB'>4</maxMemory>
  <memory unit='KiB'>1048576</memory><currentMemory unit='KiB'>524288</currentMemory>
  <memoryBacking><hugepages><page size='2048' unit='KiB'/></hugepages></memoryBacking>
  <vcpu placement='static' current='2'>4</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type><loader readonly='yes'>/usr/share/OVMF.fd</loader></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'><source file='/srv/web-1.qcow2'/><target dev='vda'/></disk>
    <disk type='file' device='cdrom'><target dev='sda'/></disk>
    <disk type='network' device='disk'><source protocol='rbd' name='p/i'/><target dev='vdb'/></disk>
    <interface type='bridge'><mac address='52:54:00:AB:CD:EF'/><source bridge='br0'/></interface>
    <interface type='network'><mac address='52:54:00:ab:cd:f0'/><source network='lan' bridge='virbr1'/></interface>
    <video><model type='virtio'/></video>
  </devices>
</domain>`;

function read(xml: string): DomainDefinition {
  const parsed = parseDomainXml(xml);
  if (!parsed.ok) throw new Error(parsed.message);
  return parsed.value;
}

describe('a definition', () => {
  test('says what it needs and what of the host it names', () => {
    const { metadata, ...rest } = read(full);
    expect(rest).toEqual({
      name: 'web-1',
      uuid,
      type: 'kvm',
      memoryBytes: 4096 * mebibyte,
      vcpus: 4,
      videoDevices: 1,
      hugepageBytes: 2 * mebibyte,
      architecture: 'x86_64',
      machine: 'pc-q35-7.2',
      emulator: '/usr/bin/qemu-system-x86_64',
      bootFiles: ['/usr/share/OVMF.fd'],
      interfaces: [
        { address: '52:54:00:ab:cd:ef', type: 'bridge', source: 'br0' },
        { address: '52:54:00:ab:cd:f0', type: 'network', source: 'lan' },
      ],
      disks: [
        { type: 'file', device: 'disk', path: '/srv/web-1.qcow2', target: 'vda' },
        { type: 'file', device: 'cdrom', path: null, target: 'sda' },
        { type: 'network', device: 'disk', path: null, target: 'vdb' },
      ],
    });
    expect(metadata.map(({ namespace, name }) => [namespace, name])).toEqual([
      ['https://app.example/1', 'owner'],
      ['https://barter.dev/policy/1', 'policy'],
    ]);
  });

  test('the least there can be', () => {
    const least = read(`<domain><name>x</name><uuid>${uuid}</uuid><memory>1024</memory></domain>`);
    expect(least).toMatchObject({ vcpus: 1, memoryBytes: mebibyte, interfaces: [], disks: [] });
  });

  test('its memory on the host is more than the guest sees', () => {
    const plain = domainMemoryBytes({ memoryBytes: 96 * mebibyte, vcpus: 1, videoDevices: 0 });
    expect(plain / mebibyte).toBeCloseTo(96 + 48 + 8 + 96 / 512, 3);
    expect(domainMemoryBytes(read(full))).toBeGreaterThan(read(full).memoryBytes);
  });
});

describe('a definition that cannot be', () => {
  const body = (inner: string) => `<domain><name>x</name><uuid>${uuid}</uuid>${inner}</domain>`;
  test.each([
    ['nothing', ''],
    ['something else', 'hello'],
    ['another element', '<network><name>x</name></network>'],
    ['no name', `<domain><uuid>${uuid}</uuid><memory>1</memory></domain>`],
    ['no UUID', '<domain><name>x</name><memory>1</memory></domain>'],
    ['no memory', body('')],
    ['no number', body('<memory>lots</memory>')],
    ['a negative number', body('<memory>-1</memory>')],
    ['more than a number holds', body('<memory unit="TiB">999999999999999</memory>')],
    ['an unknown unit', body('<memory unit="bushel">1</memory>')],
    ['half a vCPU', body('<memory>1</memory><vcpu>0.5</vcpu>')],
    ['not closed', '<domain><name>x</name>'],
    [
      'entities that multiply',
      `<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>${body('<memory>1</memory>')}`,
    ],
  ])('%s is refused', (_, xml) => {
    const parsed = parseDomainXml(xml);
    expect(parsed).toMatchObject({ ok: false, code: 'bad-definition' });
  });

  test('whatever is done to a good one, the answer is a definition or a refusal', () => {
    fc.assert(
      fc.property(
        fc.nat(full.length),
        fc.nat(40),
        fc.string({ maxLength: 20 }),
        (start, length, insert) => {
          const xml = full.slice(0, start) + insert + full.slice(start + length);
          const parsed = parseDomainXml(xml);
          if (parsed.ok) {
            expect(parsed.value.memoryBytes).toBeGreaterThan(0);
            expect(parsed.value.uuid).toMatch(/^[0-9a-f-]{36}$/);
            for (const { address } of parsed.value.interfaces) {
              if (address !== null) expect(address).toMatch(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/);
            }
          } else expect(parsed.message).toMatch(/\.$/);
        },
      ),
      { numRuns: 300 },
    );
  });
});
