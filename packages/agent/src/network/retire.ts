/**
 * A new key for a host: what belongs to the old one is moved aside, never deleted, so that a join that fails can be
 * taken back. The journal goes with the key, because its promises were made under the old name.
 */

import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Result, success } from '../result.ts';
import { openIdentity } from './identity.ts';
import { statePaths } from './join.ts';
import { fileFailure, isThere } from './state-file.ts';

export type Retired = Readonly<{
  /** The old peer id, to be expelled; null when there was no key. */
  host: string | null;
  /** Moves everything back, and what was made meanwhile aside. */
  undo(): Promise<Result<null>>;
}>;

/** The agent must not be running. Errors: those of the key file and of renaming. */
export async function retireIdentity(
  options: Readonly<{ keyFile: string; stateDirectory: string }>,
): Promise<Result<Retired>> {
  const { keyFile, stateDirectory } = options;
  if (!(await isThere(keyFile))) {
    return success({ host: null, undo: async () => success(null) });
  }
  const identity = await openIdentity(keyFile);
  if (!identity.ok) return identity;
  const { host } = identity.value;
  const suffix = `.retired-${host.slice(-8)}`;
  const journal = join(stateDirectory, 'journal.sqlite');
  const files = [
    ...Object.values(statePaths(stateDirectory)),
    journal,
    `${journal}-wal`,
    `${journal}-shm`,
    // Last: as long as it is there, doing it again goes on where it was interrupted.
    keyFile,
  ];
  const moved: string[] = [];
  const undo = async (): Promise<Result<null>> => {
    for (const file of moved.toReversed()) {
      const back = await move(`${file}${suffix}`, file);
      if (!back.ok) return back;
    }
    return success(null);
  };
  for (const file of files) {
    if (!(await isThere(file))) continue;
    const away = await move(file, `${file}${suffix}`);
    if (!away.ok) {
      await undo();
      return away;
    }
    moved.push(file);
  }
  return success({ host, undo });
}

async function move(from: string, to: string): Promise<Result<null>> {
  try {
    await rename(from, to);
    return success(null);
  } catch (error) {
    return fileFailure('move', `${from} within ${dirname(from)}`, error);
  }
}
