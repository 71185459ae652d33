/**
 * Reads the configuration: YAML text → the one schema → the rules across keys.
 *
 * Every problem is reported at once, with its path and, where it stands in the file, line and column. A
 * missing file at the default place means defaults; a file that was asked for by name must be there.
 */

import { readFile } from 'node:fs/promises';
import leven from 'leven';
import { type Document, isNode, LineCounter, parseDocument, type YAMLParseError } from 'yaml';
import { z } from 'zod';
import type { Failure, Success } from '../result.ts';
import { withPresetTiming } from './preset-timing.ts';
import { brokenRules } from './rules.ts';
import { type Config, configSchema, defaultConfigPath } from './schema.ts';

export type ConfigProblem = Readonly<{
  /** Dotted, as in the documentation: `thresholds.nic.high`; empty for the file as a whole. */
  path: string;
  line: number | null;
  column: number | null;
  message: string;
}>;

/** Codes: `config-unreadable`, `config-invalid`. `message` holds every problem, one a line. */
export type ConfigResult = Success<Config> | (Failure & { problems: readonly ConfigProblem[] });

/** A configuration is a page of text; more is a mistake, such as the wrong file. */
const sizeMaxBytes = 16 * 1024;
/** So many problems are reported: of a file that is something else altogether every line is one. */
const problemsMax = 100;

/** @param path as given by the operator; without it the default place, where a missing file means defaults */
export async function loadConfig(path?: string): Promise<ConfigResult> {
  const file = path ?? defaultConfigPath;
  try {
    const text = await readFile(file);
    if (text.byteLength > sizeMaxBytes) {
      return unreadable(file, `it is larger than ${sizeMaxBytes} bytes`);
    }
    return parseConfig(text.toString('utf8'), file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT' && path === undefined) return parseConfig('', file);
    return unreadable(file, reasonOf(error));
  }
}

/** @param file named in messages only */
export function parseConfig(text: string, file: string): ConfigResult {
  const lines = new LineCounter();
  const document = parse(text, lines);
  if (document === undefined) {
    const message = 'it is nested too deeply to be a configuration';
    return invalid(file, [{ path: '', line: null, column: null, message }]);
  }
  const at = (path: readonly PropertyKey[]) => position(document, lines, path);
  const syntax = document.errors.slice(0, 20).map((error) => {
    const { line, col } = lines.linePos(error.pos[0]);
    return { path: '', line, column: col, message: syntaxMessage(error) };
  });
  // A key given twice still leaves a document that can be checked; nothing else does.
  if (document.errors.some(({ code }) => code !== 'DUPLICATE_KEY')) return invalid(file, syntax);
  let value: unknown;
  try {
    value = withoutNulls(document.toJS({ maxAliasCount: 100 }));
  } catch (error) {
    return invalid(file, [{ path: '', line: null, column: null, message: reasonOf(error) }]);
  }
  const parsed = configSchema.safeParse(withPresetTiming(value ?? {}));
  const found = parsed.success
    ? brokenRules(parsed.data).map(({ path, message }) => ({
        path: dotted(path),
        ...at(path),
        message,
      }))
    : explainAll(parsed.error.issues, at);
  const problems = [...syntax, ...found].sort(asInTheFile);
  if (problems.length > 0 || !parsed.success) return invalid(file, problems);
  return { ok: true, value: parsed.data };
}

/** Undefined when the parser, which calls itself for every level, runs out of stack. */
function parse(text: string, lines: LineCounter): Document | undefined {
  try {
    return parseDocument(text, {
      lineCounter: lines,
      prettyErrors: false,
      // A list as a key means nothing here, and would only be told of on standard error.
      stringKeys: true,
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function syntaxMessage({ code, message }: YAMLParseError): string {
  return code === 'DUPLICATE_KEY' ? 'this key stands twice in its section' : message;
}

type Position = Readonly<{ line: number | null; column: number | null }>;

function explainAll(
  issues: readonly z.core.$ZodIssue[],
  at: (path: readonly PropertyKey[]) => Position,
): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  for (const issue of issues) {
    // Finding the place of each takes as long as the section is: not for more than will be shown.
    if (problems.length >= problemsMax) break;
    problems.push(...explain(issue, at));
  }
  return problems;
}

function explain(
  issue: z.core.$ZodIssue,
  at: (path: readonly PropertyKey[]) => Position,
): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = keysAt(issue.path);
    return issue.keys.slice(0, problemsMax).map((key) => {
      const path = [...issue.path, key];
      return { path: dotted(path), ...at(path), message: `unknown key${suggestion(key, known)}` };
    });
  }
  return [{ path: dotted(issue.path), ...at(issue.path), message: messageOf(issue) }];
}

/** Of a value that may be `auto` or something else, the other branch knows what is wrong with it. */
function messageOf(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_union') {
    const inner = issue.errors.flat().filter(({ code }) => code !== 'invalid_value');
    if (issue.message === 'Invalid input' && inner[0]) return messageOf(inner[0]);
  }
  if (issue.code === 'invalid_type' && issue.message.startsWith('Invalid input')) {
    return `expected ${issue.expected === 'object' ? 'a section with keys' : `a ${issue.expected}`}`;
  }
  return issue.message;
}

function suggestion(key: string, known: readonly string[]): string {
  const [nearest] = known
    .map((name) => ({ name, distance: leven(key.toLowerCase(), name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  if (nearest && nearest.distance <= Math.max(2, key.length / 3)) {
    return `: did you mean ${nearest.name}?`;
  }
  return known.length > 0 ? `: known here are ${known.join(', ')}` : '';
}

/** The keys that the schema knows at a path. */
function keysAt(path: readonly PropertyKey[]): readonly string[] {
  let schema: z.core.$ZodType = configSchema;
  for (const key of path) {
    const section = unwrapped(schema);
    const next: z.core.$ZodType | undefined =
      section instanceof z.ZodObject ? section.shape[key as string] : undefined;
    if (!next) return [];
    schema = next;
  }
  const section = unwrapped(schema);
  return section instanceof z.ZodObject ? Object.keys(section.shape) : [];
}

function unwrapped(schema: z.core.$ZodType): z.core.$ZodType {
  return schema instanceof z.ZodPrefault || schema instanceof z.ZodDefault
    ? unwrapped(schema.def.innerType)
    : schema;
}

/** Where a path stands in the file; of a key that is not there, where its section stands. */
function position(document: Document, lines: LineCounter, path: readonly PropertyKey[]): Position {
  for (let length = path.length; length > 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) {
      const { line, col } = lines.linePos(node.range[0]);
      return { line, column: col };
    }
  }
  return { line: null, column: null };
}

/** A section whose keys are all commented out is null in YAML; it means what a missing one means. */
function withoutNulls(value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, child]) => child !== null)
      .map(([key, child]) => [key, withoutNulls(child)]),
  );
}

function dotted(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, key) =>
      typeof key === 'number' ? `${text}[${key}]` : text ? `${text}.${String(key)}` : String(key),
    '',
  );
}

function unreadable(file: string, reason: string): ConfigResult {
  const message = `cannot read the configuration ${file}: ${reason}`;
  return {
    ok: false,
    code: 'config-unreadable',
    message,
    problems: [{ path: '', line: null, column: null, message }],
  };
}

function invalid(file: string, problems: readonly ConfigProblem[]): ConfigResult {
  const lines = problems.map((problem) => `${file}${describeProblem(problem)}`);
  return { ok: false, code: 'config-invalid', message: lines.join('\n'), problems };
}

function asInTheFile(a: ConfigProblem, b: ConfigProblem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}

/** `:12:7: thresholds.nic.high: …`, to be put behind the file's name. */
function describeProblem({ path, line, column, message }: ConfigProblem): string {
  const where = line === null ? '' : `:${line}:${column}`;
  return `${where}: ${path ? `${path}: ` : ''}${message}`;
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
