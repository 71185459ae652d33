import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Definition, readDefinition, sameReach } from '../../src/mover/definition.ts';
import { domainXml, gibibyte, uuid } from './calls.ts';

function read(xml: string): Definition {
  const result = readDefinition(xml);
  if (!result.ok) throw new Error(result.message);
  return result.value;
}

function refusal(arriving: string): string | undefined {
  const result = readDefinition(arriving);
  if (!result.ok) return result.message;
  const same = sameReach(read(domainXml()), result.value, gibibyte);
  return same.ok ? undefined : same.message;
}

test('what a definition names outside its guest', () => {
  expect(read(domainXml())).toEqual({
    uuid,
    name: 'web1',
    memoryBytes: gibibyte,
    vcpus: 1,
    references: [
      'emulator /usr/bin/qemu-system-x86_64',
      'source bridge=br0',
      'source file=/srv/images/web1.qcow2',
    ],
  });
});

test('the same definition written differently is the same', () => {
  const other = domainXml()
    .replaceAll("'", '"')
    .replaceAll(/\n\s*/g, '')
    .replace('/dev/pts/3', '/dev/pts/17')
    .replace('&lt;thing&gt;', 'another note');
  expect(refusal(other)).toBeUndefined();
});

test.each([
  [
    'another emulator',
    domainXml().replace('/usr/bin/qemu-system-x86_64', '/tmp/evil'),
    '/tmp/evil',
  ],
  [
    'an emulator looked up in the path',
    domainXml().replace('/usr/bin/qemu', 'qemu'),
    'emulator qemu',
  ],
  [
    'one more disk',
    domainXml({ devices: "<disk><source file='/etc/shadow'/></disk>" }),
    '/etc/shadow',
  ],
  ['a block device', domainXml({ devices: "<disk><source dev='/dev/vda'/></disk>" }), '/dev/vda'],
  [
    'a network disk',
    domainXml({ devices: "<disk><source protocol='rbd' name='p/i'/></disk>" }),
    'name=p/i',
  ],
  ['another bridge', domainXml().replace('br0', 'br1'), 'bridge=br1'],
  ['a kernel', domainXml({ extra: '<os><kernel>/boot/vmlinuz</kernel></os>' }), '/boot/vmlinuz'],
  [
    'a shared directory',
    domainXml({ devices: "<filesystem><source dir='/'/></filesystem>" }),
    'dir=/',
  ],
  [
    'a script',
    domainXml({ devices: "<interface><script path='/tmp/up'/></interface>" }),
    '/tmp/up',
  ],
  [
    'a host device',
    domainXml({ devices: "<hostdev><source><address bus='0'/></source></hostdev>" }),
    'the host device',
  ],
  [
    'QEMU arguments',
    domainXml({
      extra: "<qemu:commandline xmlns:qemu='q'><qemu:arg value='-s'/></qemu:commandline>",
    }),
    'qemu:arg value=-s',
  ],
  [
    'QEMU arguments without a prefix',
    domainXml({ extra: "<commandline xmlns='http://libvirt.org/schemas/domain/qemu/1.0'/>" }),
    'xmlns=',
  ],
  ['a path in a numeric reference', domainXml({ extra: '<loader>&#47;tmp/x</loader>' }), 'numeric'],
  ['an entity of its own', `<!DOCTYPE d [<!ENTITY x "y">]>${domainXml()}`, 'document type'],
  [
    'a blank that only some parsers know',
    domainXml().replace('</name>', '</\u2028name>'),
    'a blank in a tag',
  ],
  ['two names', domainXml({ extra: '<name>web2</name>' }), 'exactly one name'],
  ['two UUIDs', domainXml({ extra: `<uuid>${uuid}</uuid>` }), 'exactly one UUID'],
  ['no domain', '<network/>', 'no <domain>'],
  ['more CPUs', domainXml().replace('>1</vcpu>', '>2</vcpu>'), '2 vCPUs'],
  [
    'more hot-pluggable memory',
    domainXml({ extra: "<maxMemory slots='1' unit='GiB'>2</maxMemory>" }),
    'exceed',
  ],
  [
    'memory in a unit nobody knows',
    domainXml().replaceAll("unit='KiB'", "unit='ZiB'"),
    'memory size',
  ],
])('%s is refused', (_what, xml, why) => {
  expect(refusal(xml)).toContain(why);
});

test('such a blank in a text is nobody’s business', () => {
  const described = domainXml({ extra: '<description>\u3000\u00a0</description>' });
  expect(readDefinition(described).ok).toBe(true);
});

test('deep nesting is refused and does not exhaust the stack', () => {
  const deep = `${'<a>'.repeat(5000)}${'</a>'.repeat(5000)}`;
  expect(refusal(domainXml({ extra: deep }))).toContain('refused');
});

test('any text ends with a value', () => {
  const pieces = fc.constantFrom(
    '<domain>',
    '</domain>',
    '<uuid>',
    '<',
    '>',
    '/',
    '&#47;',
    '<![CDATA[',
    ']]>',
    '<!--',
    "='",
    'x',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
      expect(typeof readDefinition(parts.join('')).ok).toBe('boolean');
    }),
  );
});
