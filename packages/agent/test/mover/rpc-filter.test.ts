import { writeTypedParameters, XdrWriter } from '@barter/libvirt';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Definition, readDefinition } from '../../src/mover/definition.ts';
import { frameBytesMax, RpcFilter } from '../../src/mover/rpc-filter.ts';
import { RpcFrameSplitter } from '../../src/mover/rpc-frame.ts';
import {
  domainXml,
  finishCall,
  frame,
  gibibyte,
  openCall,
  prepareCall,
  typed,
  uuid,
} from './calls.ts';

const memoryPath = '/run/barter/migrate/abc/memory.sock';
const disksUri = 'unix:///run/barter/migrate/abc/disks.sock';

function createFilter(): RpcFilter {
  return new RpcFilter({
    definition: definitionOf(domainXml()),
    memoryBytesMax: gibibyte,
    migrateUri: `unix://${memoryPath}`,
    disksUri,
    driverUris: ['qemu:///system'],
  });
}

function definitionOf(xml: string): Definition {
  const read = readDefinition(xml);
  if (!read.ok) throw new Error(read.message);
  return read.value;
}

/** What the mover does with bytes: cut into frames, then checked. Undefined when all of it passes. */
function refusal(bytes: Buffer, filter = createFilter()): string | undefined {
  const split = new RpcFrameSplitter(frameBytesMax).push(bytes);
  for (const each of split.frames) {
    const verdict = filter.check(each);
    if (!verdict.ok) return verdict.message;
  }
  if (!split.ok) return split.message;
  return split.frames.length === 0 ? 'incomplete' : undefined;
}

const empty = [66, 2, 360, 361].map((procedure) => frame({ procedure }));
const feature = frame({ procedure: 60, payload: new XdrWriter().int(8).bytes() });
const keepalive = [1, 2].map((procedure) => frame({ program: 0x6b65_6570, procedure, type: 2 }));

test('a whole migration passes, in the order in which libvirt makes its calls', () => {
  const cookie = `<qemu-migration><name>web1</name>${domainXml()}</qemu-migration>`;
  const calls = [
    ...empty,
    feature,
    openCall(),
    ...keepalive,
    prepareCall(memoryPath),
    finishCall({}, cookie),
  ];
  expect(refusal(Buffer.concat(calls))).toBeUndefined();
});

test('of all procedures only those that a migration needs pass', () => {
  const passing = [];
  for (let procedure = 0; procedure <= 500; procedure += 1) {
    if (refusal(frame({ procedure })) === undefined) passing.push(procedure);
  }
  // Without arguments: open, supports-feature, prepare and finish are refused for those.
  expect(passing).toEqual([2, 60, 66, 360, 361]);
});

test.each([
  ['domain destroy', frame({ procedure: 12 }), 'procedure 12'],
  ['domain define', frame({ procedure: 11 }), 'procedure 11'],
  ['begin', frame({ procedure: 302 }), 'procedure 302'],
  ['the old prepare', frame({ procedure: 213 }), 'procedure 213'],
  ['a tunnelled prepare', frame({ procedure: 304 }), 'procedure 304'],
  ['the QEMU monitor', frame({ program: 0x2000_8087, procedure: 1 }), 'program 0x20008087'],
  ['another protocol version', frame({ procedure: 66, version: 2 }), 'protocol version 2'],
  ['a stream', frame({ procedure: 66, type: 3 }), 'frame type 3'],
  ['a call with file descriptors', frame({ procedure: 66, type: 4 }), 'frame type 4'],
  ['a reply', frame({ procedure: 66, type: 1 }), 'frame type 1'],
  ['a keepalive that is a call', frame({ program: 0x6b65_6570, procedure: 1 }), 'not a ping'],
  ['another driver', openCall('lxc:///system'), 'opens lxc:///system'],
  ['the default driver', openCall(null), 'opens the default driver'],
  ['an open with flags', openCall('qemu:///system', 1), 'flags 1'],
  [
    'arguments where there are none',
    frame({ procedure: 2, payload: Buffer.alloc(4) }),
    'outside 28 to 28',
  ],
])('%s is refused', (_what, call, why) => {
  // By its header where that is enough, before anything of it is looked into.
  const byHeader = /^(procedure|program)/.test(why);
  expect(refusal(call)).toContain(byHeader ? 'a migration does not need it' : why);
});

test.each([
  ['another UUID', { destination_xml: domainXml({ uuid: uuid.replace('1', '2') }) }, 'UUID'],
  ['another name in the definition', { destination_xml: domainXml({ name: 'web2' }) }, 'name'],
  ['another name beside it', { destination_name: 'web2' }, 'another name'],
  [
    'more memory than leased',
    { destination_xml: domainXml({ memory: '1048577' }) },
    'exceed the leased',
  ],
  ['no definition', { destination_xml: null }, 'no destination XML'],
  ['a definition that is none', { destination_xml: 'uuid' }, 'refused'],
  ['another migration URI', { migrate_uri: 'tcp://0.0.0.0:49152' }, 'migration URI'],
  ['no migration URI', { migrate_uri: null }, 'migration URI'],
  ['a listen address', { listen_address: '0.0.0.0' }, 'parameter listen_address'],
  ['a disks port', { disks_port: 49153 }, 'parameter disks_port'],
  ['another disks URI', { disks_uri: 'tcp://0.0.0.0:49153' }, 'disks URI'],
  ['a parameter nobody knows', { 'x-new': 1 }, 'parameter x-new'],
])('a prepare with %s is refused', (_what, change, why) => {
  expect(refusal(prepareCall(memoryPath, change))).toContain(why);
});

test.each([
  ['tunnelled', 4],
  ['offline', 1024],
  ['post-copy', 32_768],
  ['TLS', 65_536],
  ['post-copy resume', 524_288],
  ['the highest bit', 0x8000_0000],
])('a prepare with the flag %s is refused', (_what, flag) => {
  expect(refusal(prepareCall(memoryPath, {}, (3 | flag) >>> 0))).toContain('migration flags 0x');
});

test('disks are copied only to the agreed socket', () => {
  expect(refusal(prepareCall(memoryPath, {}, 3 | 64))).toContain('without a disks URI');
  expect(refusal(prepareCall(memoryPath, { disks_uri: disksUri }, 3 | 64))).toBeUndefined();
});

test('a parameter that comes twice is refused: libvirt would read the other one', () => {
  const good = typed({ destination_xml: domainXml(), migrate_uri: `unix://${memoryPath}` });
  const evil = typed({ destination_xml: domainXml({ name: 'other' }) });
  const writer = new XdrWriter();
  writeTypedParameters(writer, [...evil, ...good]);
  const call = frame({ procedure: 303, payload: writer.uint(0).uint(3).bytes() });
  expect(refusal(call)).toContain('comes twice');
});

test('a lease is good for one prepare, and a finish only after it', () => {
  const filter = createFilter();
  expect(refusal(finishCall(), filter)).toContain('nothing was prepared');
  expect(refusal(prepareCall(memoryPath, { migrate_uri: 'x' }), filter)).toContain('migration URI');
  expect(filter.prepared).toBe(false);
  expect(refusal(prepareCall(memoryPath), filter)).toBeUndefined();
  expect(filter.prepared).toBe(true);
  expect(refusal(prepareCall(memoryPath), filter)).toContain('used already');
  expect(refusal(finishCall({ destination_name: 'web2' }), filter)).toContain('another name');
  expect(refusal(finishCall({ destination_name: null }), filter)).toContain('another domain');
  expect(refusal(finishCall(), filter)).toBeUndefined();
});

test('the persistent definition in a finish must be the checked one as well', () => {
  const filter = createFilter();
  refusal(prepareCall(memoryPath), filter);
  const cookie = (xml: string) =>
    finishCall({}, `<qemu-migration><name>web1</name>${xml}</qemu-migration>`);
  const evil = domainXml({ devices: "<disk type='file'><source file='/etc/shadow'/></disk>" });
  expect(refusal(cookie(evil), filter)).toContain('/etc/shadow');
  expect(refusal(cookie(domainXml() + domainXml()), filter)).toContain('more than one');
  expect(refusal(cookie(domainXml()), filter)).toBeUndefined();
});

test('a definition that libvirtd would read in another encoding is refused', () => {
  // Text to us; to libxml2, which goes by the declaration, the end of the title and a disk.
  const hidden = '+ADw-/title+AD4-+ADw-disk type=+ACc-file+ACc-/+AD4-+ADw-title+AD4-';
  const evil = domainXml({ extra: `<title>${hidden}</title>` });
  for (const encoding of ['UTF-7', 'ISO-2022-JP', 'HZ', 'UTF-8']) {
    const xml = `<?xml version="1.0" encoding="${encoding}"?>${evil}`;
    expect(refusal(prepareCall(memoryPath, { destination_xml: xml }))).toContain('XML declaration');
    const filter = createFilter();
    refusal(prepareCall(memoryPath), filter);
    const cookie = `${xml.replace('<domain', '<qemu-migration><domain')}</qemu-migration>`;
    expect(refusal(finishCall({}, cookie), filter)).toContain('XML declaration');
  }
});

test('blanks count, as they do to libvirtd', () => {
  const path = '/srv/images/web1.qcow2';
  for (const xml of [
    domainXml({ name: ' web1' }),
    domainXml().replace(path, ` ${path}`),
    domainXml({ extra: '<os><loader>\n/etc/shadow</loader></os>' }),
  ]) {
    expect(refusal(prepareCall(memoryPath, { destination_xml: xml }))).toContain('is refused');
  }
});

test('a path that starts like a terminal is a path', () => {
  for (const path of ['/dev/pts/../../etc/shadow', '/dev/pts/3/../x', '/dev/pts/']) {
    const devices = `<disk type='file'><source file='${path}'/><target dev='vdb'/></disk>`;
    const evil = domainXml({ devices });
    expect(refusal(prepareCall(memoryPath, { destination_xml: evil }))).toContain(path);
  }
});

test('a path without a slash at its start counts too', () => {
  for (const inner of [
    'kernel>etc/shadow</kernel',
    'loader>vmlinuz</loader',
    'x y="etc/shadow"/',
  ]) {
    const evil = domainXml().replace('<os>', `<os><${inner}>`);
    expect(refusal(prepareCall(memoryPath, { destination_xml: evil }))).toContain('it names');
  }
});

test('a million blanks within a text take no longer than anything else', () => {
  const evil = domainXml().replace('pc-q35', `a${' '.repeat(500_000)}b`);
  const before = process.threadCpuUsage();
  refusal(prepareCall(memoryPath, { destination_xml: evil }));
  expect(process.threadCpuUsage(before).user).toBeLessThan(2_000_000);
});

test('text that goes on within an element is refused: libvirtd would read all of it', () => {
  for (const [from, to] of [
    ['<name>web1</name>', '<name>web1<a>x</a></name>'],
    ['qemu-system-x86_64<', 'qemu-system-x86_64<a>-evil</a><'],
    ['/usr/bin/qemu-system-x86_64<', '<a>tmp</a><'],
  ] as const) {
    const evil = domainXml().replace(from, to);
    expect(evil).not.toBe(domainXml());
    expect(refusal(prepareCall(memoryPath, { destination_xml: evil }))).toContain('mixes text');
  }
});

test('a frame that is longer than its procedure may be is refused by its header alone', () => {
  const header = prepareCall(memoryPath).subarray(0, 28);
  const long = Buffer.from(header);
  long.writeUInt32BE(1024 * 1024 + 1, 0);
  expect(refusal(long)).toContain('outside 28 to 1048576');
  long.writeUInt32BE(27, 0);
  expect(refusal(long)).toContain('a frame of 27 bytes');
});

test('frames come out the same however the bytes are cut', () => {
  const calls = [openCall(), feature, ...keepalive, prepareCall(memoryPath), finishCall()];
  const bytes = Buffer.concat(calls);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1 }), (cuts) => {
      const splitter = new RpcFrameSplitter(frameBytesMax);
      const frames: Buffer[] = [];
      for (let at = 0, index = 0; at < bytes.length; index += 1) {
        const end = at + (cuts[index % cuts.length] ?? 1);
        frames.push(...splitter.push(bytes.subarray(at, end)).frames.map((each) => each.bytes));
        at = end;
      }
      expect(frames).toEqual(calls);
    }),
    { numRuns: 50 },
  );
});

test('whatever comes, the filter ends with a verdict, and garbage never passes for a prepare', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(1, 303, 306),
      fc.uint8Array({ maxLength: 600 }),
      (procedure, payload) => {
        const filter = createFilter();
        expect(typeof refusal(frame({ procedure, payload: Buffer.from(payload) }), filter)).toBe(
          'string',
        );
        expect(filter.prepared).toBe(false);
      },
    ),
  );
});

test('a good prepare with any one byte changed never prepares another domain', () => {
  const good = prepareCall(memoryPath);
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
      const bytes = Buffer.from(good);
      bytes.writeUInt8(bytes.readUInt8(at) ^ mask, at);
      const filter = createFilter();
      refusal(bytes, filter);
      if (filter.prepared) {
        // What passed still names the leased domain and nothing that was not checked.
        expect(bytes.includes(Buffer.from(`<uuid>${uuid}</uuid>`))).toBe(true);
        expect(bytes.includes(Buffer.from('<name>web1</name>'))).toBe(true);
        expect(bytes.includes(Buffer.from(`unix://${memoryPath}`))).toBe(true);
        expect(bytes.includes(Buffer.from('/srv/images/web1.qcow2'))).toBe(true);
      }
    }),
    { numRuns: 2000 },
  );
});
