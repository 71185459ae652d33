/** libvirt calls as a migration's source makes them, and as one who should not be let in would. */

import { type TypedParameter, writeTypedParameters, XdrWriter } from '@barter/libvirt';

export const uuid = '11111111-2222-4333-8444-555555555555';
export const gibibyte = 1024 ** 3;

export type Call = Readonly<{
  program?: number;
  version?: number;
  procedure: number;
  type?: number;
  payload?: Buffer;
}>;

export function frame(call: Call): Buffer {
  const payload = call.payload ?? Buffer.alloc(0);
  const header = Buffer.alloc(28);
  header.writeUInt32BE(28 + payload.length, 0);
  header.writeUInt32BE(call.program ?? 0x2000_8086, 4);
  header.writeUInt32BE(call.version ?? 1, 8);
  header.writeUInt32BE(call.procedure, 12);
  header.writeUInt32BE(call.type ?? 0, 16);
  header.writeUInt32BE(1, 20);
  return Buffer.concat([header, payload]);
}

export function openCall(name: string | null = 'qemu:///system', flags = 0): Buffer {
  return frame({ procedure: 1, payload: new XdrWriter().optionalString(name).uint(flags).bytes() });
}

export function domainXml(
  change: Readonly<{
    uuid?: string;
    name?: string;
    memory?: string;
    devices?: string;
    extra?: string;
  }> = {},
): string {
  return `<domain type='kvm'>
  <name>${change.name ?? 'web1'}</name>
  <uuid>${change.uuid ?? uuid}</uuid>
  <metadata><note xmlns='https://example.org'>&#x2f;any &lt;thing&gt;</note></metadata>
  <memory unit='KiB'>${change.memory ?? '1048576'}</memory>
  <currentMemory unit='KiB'>1048576</currentMemory>
  <vcpu placement='static'>1</vcpu>
  <os><type arch='x86_64' machine='pc-q35-7.2'>hvm</type></os>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type='file' device='disk'><source file='/srv/images/web1.qcow2'/><target dev='vda'/></disk>
    <interface type='bridge'><mac address='52:54:00:00:00:01'/><source bridge='br0'/></interface>
    <serial type='pty'><source path='/dev/pts/3'/><target port='0'/></serial>
    ${change.devices ?? ''}
  </devices>
  ${change.extra ?? ''}
</domain>`;
}

export type Parameters = Readonly<Record<string, string | number>>;

/** A prepare; parameters given override the good ones, `null` leaves one out. */
export function prepareCall(
  memoryPath: string,
  change: Readonly<Record<string, string | number | null>> = {},
  flags = 1 | 2 | 8 | 16,
): Buffer {
  const all = { destination_xml: domainXml(), migrate_uri: `unix://${memoryPath}`, ...change };
  const writer = new XdrWriter();
  writeTypedParameters(writer, typed(all));
  return frame({ procedure: 303, payload: writer.uint(0).uint(flags).bytes() });
}

export function finishCall(
  change: Readonly<Record<string, string | number | null>> = {},
  cookie = '',
): Buffer {
  const writer = new XdrWriter();
  writeTypedParameters(writer, typed({ destination_name: 'web1', ...change }));
  writer.opaque(Buffer.from(cookie === '' ? '' : `${cookie}\0`));
  return frame({
    procedure: 306,
    payload: writer
      .uint(1 | 2 | 8 | 16)
      .int(0)
      .bytes(),
  });
}

export function typed(values: Readonly<Record<string, string | number | null>>): TypedParameter[] {
  return Object.entries(values).flatMap(([name, value]): TypedParameter[] => {
    if (value === null) return [];
    if (typeof value === 'string') return [{ name, type: 'string', value }];
    return [{ name, type: 'int', value }];
  });
}
