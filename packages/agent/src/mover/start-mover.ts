/**
 * Starts a mover as a process of its own session, so that neither a signal to the agent's group nor
 * the agent's death ends it. The job, with the key, goes in on standard input; nothing of it is on the
 * command line, in the environment or in a file.
 */

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { constants, type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { failure, type Result, success } from '../result.ts';
import { prepareControlDirectory } from './control.ts';
import { type MoverJob, moverAnswer } from './job.ts';

export type MoverProcess = Readonly<{
  /** Program and arguments; `defaultMoverCommand()` unless the agent is bundled. */
  command: readonly string[];
  /** The runtime directory of all movers, the same on every host. */
  runDirectory: string;
  /** Every mover appends here, its crashes included. */
  logFile: string;
}>;

const startMaxMs = 15_000;
const answerBytesMax = 4096;

/**
 * The mover next to this file, under this Node. Bundled, every module has the bundle's URL: then it is the
 * small bundle `mover.mjs` beside it, or `barter mover` when the big one was copied alone.
 */
export function defaultMoverCommand(): readonly string[] {
  const self = fileURLToPath(import.meta.url);
  if (self.endsWith('.ts')) return [process.execPath, join(dirname(self), 'main.ts')];
  const alone = join(dirname(self), 'mover.mjs');
  return existsSync(alone) ? [process.execPath, alone] : [process.execPath, self, 'mover'];
}

/**
 * Resolves when the mover listens, with its port (0 at the source) and process id. Errors:
 * `mover-failed` and whatever code the mover itself gave.
 */
export async function startMover(
  options: MoverProcess,
  job: MoverJob,
): Promise<Result<Readonly<{ pid: number; port: number }>>> {
  let log: FileHandle;
  try {
    await prepareControlDirectory(options.runDirectory);
    await mkdir(dirname(options.logFile), { recursive: true });
    log = await open(
      options.logFile,
      constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW,
      0o640,
    );
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return failure('mover-failed', `The mover cannot be started: ${detail}.`);
  }
  try {
    return await spawnMover(options.command, job, log.fd, options.logFile);
  } finally {
    await log.close();
  }
}

function spawnMover(
  command: readonly string[],
  job: MoverJob,
  logDescriptor: number,
  logFile: string,
): Promise<Result<Readonly<{ pid: number; port: number }>>> {
  return new Promise((resolve) => {
    const [program = process.execPath, ...args] = command;
    const child = spawn(program, args, {
      detached: true,
      stdio: ['pipe', 'pipe', logDescriptor],
      cwd: '/',
    });
    const { stdin, stdout } = child;
    let text = '';
    const settle = (result: Result<Readonly<{ pid: number; port: number }>>): void => {
      clearTimeout(deadline);
      stdin?.destroy();
      stdout?.destroy();
      child.unref();
      if (!result.ok) child.kill('SIGKILL');
      resolve(result);
    };
    const failed = (detail: string): void =>
      settle(failure('mover-failed', `The mover did not start: ${detail}; see ${logFile}.`));
    const deadline = setTimeout(() => failed(`no answer in ${startMaxMs / 1000} s`), startMaxMs);
    child.once('error', (error) => failed(error.message));
    child.once('exit', (code, signal) => failed(`it ended with ${signal ?? `code ${code}`}`));
    stdin?.on('error', () => {});
    stdin?.end(JSON.stringify(job));
    stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      if (text.length > answerBytesMax) return failed('it said too much');
      const end = text.indexOf('\n');
      if (end < 0) return;
      const answer = readAnswer(text.slice(0, end));
      if (answer === undefined) return failed('it did not say that it listens');
      settle(answer.ok ? success({ pid: answer.pid, port: answer.port }) : answer);
    });
  });
}

function readAnswer(line: string) {
  try {
    return moverAnswer.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
