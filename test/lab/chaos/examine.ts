/** The end of a run: journals read through the agents and as files, logs kept. */

import { spawnSync } from 'node:child_process';
import { cpSync } from 'node:fs';
import type { Lab } from '../lab.ts';
import { examineJournal, type History, type JournalFinding } from './journals.ts';

/** Reads every history through the agent and through the file, and lets the agent open its journal once more. */
export async function examine(
  lab: Lab,
  history: History,
): Promise<Readonly<{ journals: readonly JournalFinding[]; forgotten: readonly string[] }>> {
  const journals: JournalFinding[] = [];
  const forgotten: string[] = [];
  for (const { id } of lab.state.hosts) {
    for (const what of ['moves', 'deals'] as const) {
      const shown = await lab.barter(id, what, '--json');
      if (shown.code !== 0) forgotten.push(`barter ${what} on ${id} fails: ${shown.stderr.trim()}`);
    }
    await lab.stopAgent(id);
    const journal = examineJournal(lab, id);
    journals.push(journal);
    for (const told of history.told(id))
      if (!journal.keys.some((key) => key.endsWith(told)))
        forgotten.push(`the journal of ${id} has no '${told}', which its agent had shown`);
    await lab
      .startAgent(id)
      .catch((error) =>
        forgotten.push(`the agent of ${id} does not start again: ${error.message}`),
      );
  }
  return { journals, forgotten };
}

/** Copies what the hosts logged and kept to where it outlives the lab. */
export function keepLogs(lab: Lab, output: string): void {
  for (const { id, directory } of lab.state.hosts)
    for (const part of ['log', 'lib-barter', 'etc-libvirt'])
      cpSync(`${directory}/${part}`, `${output}/${id}/${part}`, { recursive: true });
}

/** The commit that is run, and whether the tree differs from it. */
export function commitHere(): string {
  const git = (...words: string[]) => spawnSync('git', words, { encoding: 'utf8' }).stdout.trim();
  const dirty = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : ' with changes';
  return `${git('rev-parse', '--short', 'HEAD')}${dirty}`;
}
