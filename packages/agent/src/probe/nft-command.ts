/** Runs `nft`, bounded in time and output, and says in one sentence what keeps it from working. */

import { execFile } from 'node:child_process';
import { failure, type Result, success } from '../result.ts';

/** A full set of 65,535 pairs takes about 12 MB of JSON. */
const outputBytesMax = 64 * 1024 * 1024;
const runMaxMs = 15_000;

/** Runs nft with `args` and `input` on its standard input; the value is its standard output. */
export type Nft = (args: readonly string[], input?: string) => Promise<Result<string>>;

/**
 * Errors: `nft-missing`, `nft-forbidden`, `no-table` (what was named does not exist), `nft-failed`.
 * `command`: the program, with leading arguments if any.
 */
export function createNft(command: readonly string[] = ['nft']): Nft {
  const [program = 'nft', ...leading] = command;
  return (args, input) =>
    new Promise((resolve) => {
      const child = execFile(
        program,
        [...leading, ...args],
        { maxBuffer: outputBytesMax, timeout: runMaxMs, killSignal: 'SIGKILL' },
        (error, stdout, stderr) => resolve(error ? explain(error, stderr) : success(stdout)),
      );
      child.stdin?.on('error', () => {});
      child.stdin?.end(input ?? '');
    });
}

function explain(error: Error & { code?: unknown; killed?: boolean }, stderr: string) {
  const said = stderr.trim().split('\n')[0]?.slice(0, 300) ?? '';
  if (error.code === 'ENOENT')
    return failure('nft-missing', 'The program nft was not found; install the package nftables.');
  if (/Operation not permitted|must be root|Permission denied/i.test(stderr))
    return failure(
      'nft-forbidden',
      `nft may not change the kernel's tables; run the agent as root (${said}).`,
    );
  if (/No such file or directory/.test(stderr)) return failure('no-table', `nft: ${said}.`);
  if (error.killed === true)
    return failure('nft-failed', `nft did not finish in ${runMaxMs / 1000} s.`);
  return failure('nft-failed', `nft failed: ${said || error.message}.`);
}
