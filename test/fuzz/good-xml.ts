/** Domain definitions as libvirt writes them, pieces of them, and the words of their vocabulary. */

import { domainXml, uuid } from '../../packages/agent/test/mover/calls.ts';

export const otherUuid = '99999999-2222-4333-8444-555555555555';
/** What must never arrive, because the checked definition does not name it. */
export const forbidden = '/etc/shadow';

const policy = (inner: string) =>
  `<metadata><barter:policy xmlns:barter="https://barter.dev/policy/1">${inner}</barter:policy></metadata>`;

export const goodXml = [
  domainXml(),
  domainXml({ extra: policy('<frozen/><pin>kvm1</pin><pin>kvm2</pin>') }),
  domainXml({ extra: policy('<keepApart>web</keepApart><keepTogether>shop</keepTogether>') }),
  domainXml({
    devices: "<hostdev mode='subsystem'><source><address bus='0x01'/></source></hostdev>",
    extra: "<memoryBacking><hugepages><page size='2' unit='MiB'/></hugepages></memoryBacking>",
  }),
];

export const xmlWords = [
  '<domain>',
  '</domain>',
  '<devices>',
  '</devices>',
  "<disk type='file'><source file='/etc/shadow'/><target dev='vdb'/></disk>",
  "<interface type='bridge'><source bridge='br9'/></interface>",
  '<emulator>/etc/shadow</emulator>',
  "<qemu:commandline xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><qemu:arg value='-x'/></qemu:commandline>",
  `<uuid>${otherUuid}</uuid>`,
  `<uuid>${uuid}</uuid>`,
  '<name>web2</name>',
  '<name>web1</name>',
  "<memory unit='TiB'>9</memory>",
  '<vcpu>64</vcpu>',
  '<title>',
  '</title>',
  '<metadata>',
  '</metadata>',
  '<description>',
  "<x xmlns='https://barter.dev/policy/1'/>",
  "<policy xmlns='https://barter.dev/policy/1'><frozen/></policy>",
  "file='/etc/shadow'",
  "bridge='br0'",
  "xmlns:a='b'",
  '<a/>',
  '<a>',
  '</a>',
  '&lt;',
  '&amp;',
  '&apos;',
  '&#47;',
  '&b;',
  '<!-- ',
  ' -->',
  '<?x ?>',
  'KiB',
  'TiB',
  'file',
  'block',
];
