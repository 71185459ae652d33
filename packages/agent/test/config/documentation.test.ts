import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseConfig } from '../../src/config/load.ts';
import { configSchema } from '../../src/config/schema.ts';

const root = new URL('../../../../', import.meta.url);

type Leaf = { path: string; default: unknown };

/** Every key of the schema that holds a value, with what it is when nobody sets it. */
function leaves(schema: z.core.$ZodType, path: readonly string[] = []): Leaf[] {
  if (schema instanceof z.ZodObject) {
    return Object.entries<z.core.$ZodType>(schema.shape).flatMap(([key, child]) =>
      leaves(child, [...path, key]),
    );
  }
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    const inner = schema.def.innerType;
    if (inner instanceof z.ZodObject) return leaves(inner, path);
    return [{ path: path.join('.'), default: schema.def.defaultValue }];
  }
  throw new Error(`${path.join('.')} has no default`);
}

/** `80%` and `0.8` are the same default. */
function plain(value: unknown): unknown {
  return typeof value === 'string' && /^\d+%$/.test(value)
    ? Number.parseInt(value, 10) / 100
    : value;
}

describe('what operators read about the configuration', () => {
  it('docs/configuration.md describes every key, with its default, and no other', async () => {
    const page = await readFile(new URL('docs/configuration.md', root), 'utf8');
    const sections = page.split(/^### /m).slice(1);
    const documented = sections.map((section) => {
      const path = /^`([^`]+)`/.exec(section)?.[1] ?? '';
      const value = /^- Default: `([^`]+)`$/m.exec(section)?.[1];
      return { path, default: value === undefined ? 'undocumented' : plain(parse(value)) };
    });
    const byPath = (a: Leaf, b: Leaf) => a.path.localeCompare(b.path);
    const expected = leaves(configSchema).map((leaf) => ({
      ...leaf,
      default: plain(leaf.default),
    }));
    expect(documented.sort(byPath)).toEqual(expected.sort(byPath));
  });

  it('the sample configuration is all defaults: as it is, and with every setting uncommented', async () => {
    const sample = await readFile(new URL('deploy/barter.yaml', root), 'utf8');
    const uncommented = sample.replace(/^#(?=[a-z ]{0,4}[a-zA-Z]+:)(?! [A-Za-z])/gm, '');
    const defaults = parseConfig('', 'defaults');
    expect(parseConfig(sample, 'sample')).toEqual(defaults);
    expect(parseConfig(uncommented, 'uncommented')).toEqual(defaults);
    const paths = leaves(configSchema).map(({ path }) => path.split('.').at(-1));
    for (const key of paths) expect(uncommented).toMatch(new RegExp(`^ *${key}:`, 'm'));
  });
});
