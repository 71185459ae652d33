/**
 * Small files that a promise may rest on: written beside the old one, synced, renamed, and the folder
 * synced, so that after a crash either the old or the new content is there, whole.
 */

import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Failure, failure, type Result, success } from '../result.ts';

/** Replaces the file; resolves when the new content is durable. Readable by its owner only. */
export async function writeDurably(path: string, content: string): Promise<Result<null>> {
  const draft = `${path}.new`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    // A draft left by a crash may have other permissions: never reuse it.
    await rm(draft, { force: true });
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(draft, path);
    await syncFolder(dirname(path));
    return success(null);
  } catch (error) {
    return fileFailure('write', path, error);
  }
}

/** Creates the file with this content, durably; fails with `exists` when it is there already. */
export async function createDurably(path: string, content: string): Promise<Result<null>> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(path, 'wx', 0o600);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await syncFolder(dirname(path));
    return success(null);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return failure('exists', `${path} exists already.`);
    return fileFailure('create', path, error);
  }
}

/** The content, or undefined when there is no such file. */
export async function readIfPresent(
  path: string,
  bytesMax: number,
): Promise<Result<string | undefined>> {
  try {
    const { size } = await stat(path);
    if (size > bytesMax) {
      return failure('file-too-large', `${path} has ${size} bytes; at most ${bytesMax} are read.`);
    }
    return success(await readFile(path, 'utf8'));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return success(undefined);
    return fileFailure('read', path, error);
  }
}

export async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => codeOf(error) !== 'ENOENT',
  );
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

export function fileFailure(verb: string, path: string, error: unknown): Failure {
  const reason = error instanceof Error ? error.message : String(error);
  return failure(`${verb}-failed`, `Cannot ${verb} ${path}: ${reason}.`);
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
