/**
 * What of a domain's definition reaches out of the guest: its emulator, every path, network and device
 * of the host that it names, and QEMU extras outside libvirt's own vocabulary.
 *
 * The rule: what arrives is what was checked. The target checks one definition before it opens itself;
 * the definition inside the libvirt calls may name nothing that the checked one did not. It is
 * compared by what it names and not byte by byte, because libvirt writes it anew on the way.
 */

import { XMLParser } from 'fast-xml-parser';
import { failure, type Result, success } from '../result.ts';

export type Definition = Readonly<{
  uuid: string;
  name: string;
  /** The largest of `memory`, `currentMemory` and `maxMemory`. */
  memoryBytes: number;
  vcpus: number;
  /** Everything that reaches out of the guest, as comparable strings, sorted, each once. */
  references: readonly string[];
}>;

/** One node of fast-xml-parser's ordered form: one tag with its children, and its attributes. */
type XmlNode = Readonly<Record<string, unknown>>;
type Element = Readonly<{
  tag: string;
  attributes: Readonly<Record<string, string>>;
  children: readonly XmlNode[];
}>;

const depthMax = 64;
const referencesMax = 10_000;
/** A pseudo-terminal's number differs on every host; anything else below there is a path like others. */
const terminal = /^\/dev\/pts\/\d+$/;
/** What is in these is a path, also without a slash: QEMU and libvirtd run in the root directory. */
const pathTags = new Set(['emulator', 'kernel', 'initrd', 'loader', 'nvram', 'dtb']);
const blanks = ' \t\r\n';
const attributesKey = ':@';
const textKey = '#text';

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseTagValue: false,
  parseAttributeValue: false,
  ignoreDeclaration: true,
  // libvirt does not trim either: ` /a` and `/a` are two paths, ` vm` and `vm` two names.
  trimValues: false,
});

/**
 * Reads a `<domain>` (or the one inside a migration cookie's element). Errors: `bad-definition` with
 * one sentence.
 */
export function readDefinition(xml: string): Result<Definition> {
  const roots = parseXml(xml);
  if (!roots.ok) return roots;
  const domain = roots.value.find((element) => element.tag === 'domain');
  if (domain === undefined) return bad('it has no <domain>');
  return definitionOf(domain);
}

/** The `<domain>` directly inside the root element of a migration cookie, when there is one. */
export function readCookieDefinition(xml: string): Result<Definition | null> {
  const roots = parseXml(xml);
  if (!roots.ok) return roots;
  const inner = roots.value.flatMap((root) => elements(root.children));
  const domains = inner.filter((element) => element.tag === 'domain');
  if (domains.length > 1) return bad('the cookie has more than one <domain>');
  const [domain] = domains;
  return domain === undefined ? success(null) : definitionOf(domain);
}

/** Whether `arriving` is the domain that was checked and names nothing that it did not. */
export function sameReach(
  checked: Definition,
  arriving: Definition,
  memoryBytesMax: number,
): Result<null> {
  if (arriving.uuid !== checked.uuid) return bad(`its UUID ${arriving.uuid} is not the leased one`);
  if (arriving.name !== checked.name) return bad('its name is not the leased one');
  if (arriving.memoryBytes > memoryBytesMax)
    return bad(`its ${arriving.memoryBytes} bytes of memory exceed the leased ${memoryBytesMax}`);
  if (arriving.vcpus > checked.vcpus)
    return bad(`it has ${arriving.vcpus} vCPUs, not ${checked.vcpus}`);
  const known = new Set(checked.references);
  const stranger = arriving.references.find((reference) => !known.has(reference));
  if (stranger !== undefined)
    return bad(`it names ${stranger.slice(0, 200)}, which the checked definition does not`);
  return success(null);
}

function parseXml(xml: string): Result<readonly Element[]> {
  // Entities of its own making would let one text mean two things to two parsers, and so would an
  // encoding: libxml2 reads `+ADw-` as `<` in what declares itself UTF-7. libvirt writes neither.
  if (/<!(DOCTYPE|ENTITY)/i.test(xml)) return bad('it has a document type declaration');
  if (/<\?xml/i.test(xml)) return bad('it has an XML declaration');
  // To this parser every blank of Unicode ends a name, to libxml2 only XML's four (XML 1.0, production 3).
  if (/<[^<>]*[^\S \t\r\n]/.test(xml)) return bad('it has a blank in a tag that is none in XML');
  try {
    // With the validator: alone, the parser takes tags that do not match.
    return success(elements(parser.parse(xml, true) as XmlNode[]));
  } catch (error) {
    return bad(`it is not XML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function definitionOf(domain: Element): Result<Definition> {
  const top = elements(domain.children);
  const one = (tag: string): string | undefined => {
    const found = top.filter((element) => element.tag === tag);
    return found.length === 1 && found[0] !== undefined ? textOf(found[0]) : undefined;
  };
  const uuid = trim(one('uuid') ?? '').toLowerCase();
  const name = one('name');
  const vcpus = Number(one('vcpu') ?? '1');
  if (!/^[0-9a-f-]{36}$/.test(uuid)) return bad('it has not exactly one UUID');
  if (name === undefined || trim(name) === '') return bad('it has not exactly one name');
  if (!Number.isInteger(vcpus) || vcpus < 1) return bad('its number of vCPUs cannot be read');
  const sizes = top.filter((e) => ['memory', 'currentMemory', 'maxMemory'].includes(e.tag));
  const memory = sizes.map((element) => sizeBytes(element));
  if (memory.length === 0 || memory.some((bytes) => !(bytes > 0)))
    return bad('its memory size cannot be read');
  const references = new Set<string>();
  const problem = collect(domain, [], references);
  if (problem !== undefined) return bad(problem);
  const memoryBytes = Math.max(...memory);
  return success({ uuid, name, memoryBytes, vcpus, references: [...references].sort() });
}

/** Adds what `element` and everything below it names; returns why it cannot, if so. */
function collect(element: Element, path: readonly string[], into: Set<string>): string | undefined {
  // Free text of administrators and programs; libvirt itself acts on none of it.
  if (path.length === 1 && ['metadata', 'title', 'description'].includes(element.tag)) return;
  if (path.length > depthMax) return `it is nested more than ${depthMax} deep`;
  if (into.size > referencesMax) return `it names more than ${referencesMax} things`;
  const here = [...path, element.tag];
  // libxml2 joins the texts of what is within: `/a<b>/c</b>` is `/a/c` to libvirt and `/a` here.
  const holdsText = pathTags.has(element.tag) || trim(textOf(element)) !== '';
  if (holdsText && elements(element.children).length > 0)
    return `${here.join('/')} mixes text and elements`;
  if (element.tag.includes(':')) into.add(`the extension ${here.join('/')}`);
  if (element.tag === 'hostdev')
    into.add(`the host device ${JSON.stringify(element.children, withoutBlanks)}`);
  const texts = [...Object.entries(element.attributes), [textKey, textOf(element)] as const];
  for (const [key, value] of texts) {
    // libvirt writes no numeric references here; decoded or not, they could hide a path.
    if (value.includes('&#')) return 'it has a numeric character reference';
    const extension = key.startsWith('xmlns') || element.tag.includes(':');
    const named =
      element.tag === 'source' && key !== textKey && key !== 'index' && key !== 'startupPolicy';
    const isPath = value.includes('/') || (pathTags.has(element.tag) && key === textKey);
    if (trim(value) === '' || terminal.test(value)) continue;
    if (extension || named || isPath) {
      into.add(`${element.tag} ${key === textKey ? '' : `${key}=`}${value}`);
    }
  }
  for (const child of elements(element.children)) {
    const problem = collect(child, here, into);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

function elements(nodes: readonly XmlNode[]): Element[] {
  return nodes.flatMap((node) => {
    const tag = Object.keys(node).find((key) => key !== attributesKey);
    if (tag === undefined || tag === textKey) return [];
    const attributes = (node[attributesKey] ?? {}) as Record<string, string>;
    return [{ tag, attributes, children: node[tag] as readonly XmlNode[] }];
  });
}

function textOf(element: Element): string {
  return element.children.map((node) => (textKey in node ? String(node[textKey]) : '')).join('');
}

/** Without what XML calls white space at both ends; JavaScript's `trim` takes away more. */
function trim(text: string): string {
  // Not by an expression: one that is anchored at the end tries every blank of a million.
  let [start, end] = [0, text.length];
  while (start < end && blanks.includes(text.charAt(start))) start += 1;
  while (end > start && blanks.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(start, end);
}

/** For `JSON.stringify`: indentation says nothing, and a cookie's differs. */
function withoutBlanks(_key: string, value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  return value.filter((node: XmlNode) => !(textKey in node) || trim(String(node[textKey])) !== '');
}

/** Units of libvirt's scaled integers (virScaleInteger); without one, KiB. */
const unitBytes: Readonly<Record<string, number>> = {
  b: 1,
  bytes: 1,
  kb: 1e3,
  k: 1024,
  kib: 1024,
  mb: 1e6,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  gb: 1e9,
  g: 1024 ** 3,
  gib: 1024 ** 3,
  tb: 1e12,
  t: 1024 ** 4,
  tib: 1024 ** 4,
};

function sizeBytes(element: Element): number {
  const unit = unitBytes[(element.attributes.unit ?? 'KiB').toLowerCase()];
  const text = trim(textOf(element));
  return unit !== undefined && /^\d+$/.test(text) ? Number(text) * unit : Number.NaN;
}

function bad(detail: string) {
  return failure('bad-definition', `The domain definition is refused: ${detail}.`);
}
