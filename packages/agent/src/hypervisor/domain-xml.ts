/**
 * A domain's definition, as far as Barter reads it: what it needs of a host, and what of a host it
 * names. libvirt writes this XML, but administrators edit it and peers send it, so it is input like
 * any other: bounded, and never trusted to have a shape.
 */

import { XMLParser } from 'fast-xml-parser';
import { failure, type Result, success } from '../result.ts';

export type DomainInterface = Readonly<{
  /** Lower case, colons; null when the definition names none. */
  address: string | null;
  type: string;
  /** The bridge, network or device that it is plugged into. */
  source: string | null;
}>;

export type DomainDisk = Readonly<{
  type: string;
  device: string;
  /** The path of a file, block device or directory; null for network disks and empty drives. */
  path: string | null;
  target: string;
}>;

export type DomainDefinition = Readonly<{
  name: string;
  /** Lower case. */
  uuid: string;
  /** The virtualisation type: kvm, qemu, test. */
  type: string;
  /** The largest of `memory`, `currentMemory` and `maxMemory`. */
  memoryBytes: number;
  vcpus: number;
  videoDevices: number;
  /** Bytes of the pages that its memory is made of; null for ordinary ones. 0 = the host's default huge pages. */
  hugepageBytes: number | null;
  architecture: string | null;
  machine: string | null;
  emulator: string | null;
  /** Files that the host must have for the next boot: kernel, initrd, firmware. */
  bootFiles: readonly string[];
  interfaces: readonly DomainInterface[];
  disks: readonly DomainDisk[];
  /** The children of `<metadata>`, parsed. */
  metadata: readonly MetadataElement[];
}>;

/** One element of the metadata: its namespace, its local name and what is in it. */
export type MetadataElement = Readonly<{
  namespace: string;
  name: string;
  content: XmlObject | string;
}>;

export type XmlObject = Readonly<{ [key: string]: unknown }>;

const xmlBytesMax = 4 * 1024 * 1024;
const devicesMax = 1024;
const attribute = '@';
const textKey = '#text';

const listPaths = new Set([
  'domain.devices.interface',
  'domain.devices.disk',
  'domain.devices.video',
  'domain.memoryBacking.hugepages.page',
]);

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: attribute,
  textNodeName: textKey,
  parseTagValue: false,
  parseAttributeValue: false,
  ignoreDeclaration: true,
  isArray: (_name, path) => listPaths.has(String(path)),
});

/** Errors: `bad-definition` with one sentence. */
export function parseDomainXml(xml: string): Result<DomainDefinition> {
  if (xml.length > xmlBytesMax) return bad(`it has more than ${xmlBytesMax} characters`);
  // Entities of its own making: libvirt never writes any, and they can blow a document up.
  if (/<!(DOCTYPE|ENTITY)/i.test(xml)) return bad('it has a document type declaration');
  let root: unknown;
  try {
    root = parser.parse(xml);
  } catch (error) {
    return bad(`it is not XML: ${error instanceof Error ? error.message : String(error)}`);
  }
  const domain = object(object(root).domain);
  const name = text(domain.name);
  const uuid = text(domain.uuid)?.toLowerCase();
  if (name === null || name === '') return bad('it has no name');
  if (uuid === undefined || !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(uuid)) {
    return bad('it has no UUID');
  }
  const sizes = ['memory', 'currentMemory', 'maxMemory']
    .filter((key) => domain[key] !== undefined)
    .map((key) => sizeBytes(domain[key]));
  if (sizes.length === 0 || sizes.some((size) => !(size > 0))) return bad('it has no memory size');
  const vcpus = domain.vcpu === undefined ? 1 : Number(text(domain.vcpu));
  if (!Number.isSafeInteger(vcpus) || vcpus < 1) return bad('its number of vCPUs is unreadable');
  const devices = object(domain.devices);
  const interfaces = list(devices.interface);
  const disks = list(devices.disk);
  if (interfaces.length > devicesMax || disks.length > devicesMax) {
    return bad(`it has more than ${devicesMax} devices of one kind`);
  }
  const os = object(domain.os);
  return success({
    name,
    uuid,
    type: text(domain[`${attribute}type`]) ?? '',
    memoryBytes: Math.max(...sizes),
    vcpus,
    videoDevices: list(devices.video).length,
    hugepageBytes: hugepageBytes(object(domain.memoryBacking)),
    architecture: attributeOf(os.type, 'arch'),
    machine: attributeOf(os.type, 'machine'),
    emulator: text(devices.emulator),
    bootFiles: ['kernel', 'initrd', 'loader', 'dtb'].flatMap((key) => pathOf(os[key])),
    interfaces: interfaces.map(readInterface),
    disks: disks.map(readDisk),
    metadata: readMetadata(object(domain.metadata)),
  });
}

/** libvirt shows the bridge of a network too; what the definition depends on is the network. */
const interfaceSources = new Map([
  ['network', 'network'],
  ['bridge', 'bridge'],
  ['direct', 'dev'],
]);

function readInterface(value: unknown): DomainInterface {
  const element = object(value);
  const type = text(element[`${attribute}type`]) ?? '';
  const address = attributeOf(element.mac, 'address')?.toLowerCase() ?? null;
  return {
    address: address !== null && /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(address) ? address : null,
    type,
    source: attributeOf(element.source, interfaceSources.get(type) ?? ''),
  };
}

function readDisk(value: unknown): DomainDisk {
  const element = object(value);
  const source = object(element.source);
  return {
    type: text(element[`${attribute}type`]) ?? '',
    device: text(element[`${attribute}device`]) ?? 'disk',
    path: ['file', 'dev', 'dir'].map((key) => text(source[attribute + key])).find(isText) ?? null,
    target: attributeOf(element.target, 'dev') ?? '',
  };
}

function hugepageBytes(backing: XmlObject): number | null {
  if (backing.hugepages === undefined) return null;
  const [first] = list(object(backing.hugepages).page);
  if (first === undefined) return 0;
  const size = object(first);
  return scaled(size[`${attribute}size`], size[`${attribute}unit`]);
}

function readMetadata(metadata: XmlObject): readonly MetadataElement[] {
  const elements: MetadataElement[] = [];
  for (const [tag, value] of Object.entries(metadata)) {
    const separator = tag.indexOf(':');
    const prefix = separator === -1 ? '' : tag.slice(0, separator);
    const declaration = prefix === '' ? `${attribute}xmlns` : `${attribute}xmlns:${prefix}`;
    for (const content of Array.isArray(value) ? value : [value]) {
      const namespace = text(object(content)[declaration]);
      if (namespace === null) continue;
      const name = tag.slice(separator + 1);
      elements.push({
        namespace,
        name,
        content: typeof content === 'string' ? content : object(content),
      });
    }
  }
  return elements;
}

/** libvirt's sizes are KiB unless the unit says otherwise. NaN when unreadable. */
function sizeBytes(value: unknown): number {
  return scaled(text(value), object(value)[`${attribute}unit`]);
}

const units: Readonly<Record<string, number>> = {
  b: 1,
  bytes: 1,
  KB: 1e3,
  k: 1024,
  KiB: 1024,
  MB: 1e6,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  GB: 1e9,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  TB: 1e12,
  T: 1024 ** 4,
  TiB: 1024 ** 4,
};

function scaled(count: unknown, unit: unknown): number {
  const factor = units[text(unit) ?? 'KiB'] ?? Number.NaN;
  const bytes = /^\d{1,15}$/.test(text(count) ?? '') ? Number(text(count)) * factor : Number.NaN;
  return Number.isSafeInteger(bytes) ? bytes : Number.NaN;
}

export function object(value: unknown): XmlObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as XmlObject)
    : {};
}

/** The text of an element that may have attributes too; null when there is none. */
export function text(value: unknown): string | null {
  if (typeof value === 'string') return value;
  const inner = object(value)[textKey];
  return typeof inner === 'string' ? inner : null;
}

function attributeOf(element: unknown, name: string): string | null {
  return text(object(element)[attribute + name]);
}

function pathOf(element: unknown): string[] {
  const path = text(element);
  return path?.startsWith('/') ? [path] : [];
}

function list(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function isText(value: string | null): value is string {
  return value !== null;
}

function bad(detail: string): Result<never> {
  return failure('bad-definition', `The domain's definition cannot be used: ${detail}.`);
}
