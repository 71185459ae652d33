/**
 * One run of the command line: where it writes, which agent it talks to, and what it exits with.
 *
 * Exit codes: 0 success; 1 a failure, explained in one sentence on standard error; 2 wrong usage or
 * configuration, every problem with its path.
 */

import { existsSync } from 'node:fs';
import type { Config } from '@barter/agent/config/schema.ts';
import type { ControlClient } from '@barter/agent/control/client.ts';
import type { Result } from '@barter/agent/result.ts';
import type { Terminal } from './terminal.ts';

export type GlobalOptions = Readonly<{ socket?: string; config?: string }>;

const defaultConfigPath = '/etc/barter/barter.yaml';
const defaultSocketPath = '/run/barter/control.sock';
const usageCodes = new Set([
  'usage',
  'config-invalid',
  'config-unreadable',
  'cluster-invalid',
  'cluster-unreadable',
]);
/** Their message is a list, one problem a line, each with its place. */
const listCodes = new Set(['config-invalid', 'cluster-invalid']);

/** Runs one command line, the words after `barter`; resolves to its exit code. */
export type RunCommandLine = (words: readonly string[], terminal: Terminal) => Promise<number>;

export class Session {
  readonly terminal: Terminal;
  /** For a command that does what an operator would do with others. */
  readonly run: RunCommandLine;
  exitCode = 0;

  constructor(terminal: Terminal, run: RunCommandLine) {
    this.terminal = terminal;
    this.run = run;
  }

  /** The end of every command: nothing on success, one sentence and an exit code on failure. */
  end(result: Result<unknown>): void {
    if (result.ok) return;
    this.terminal.error(listCodes.has(result.code) ? result.message : `barter: ${result.message}`);
    this.exitCode = usageCodes.has(result.code) ? 2 : 1;
  }

  /** The one JSON document of a command with `--json`. */
  json(value: unknown): void {
    this.terminal.out(JSON.stringify(value, null, 2));
  }

  async config(options: GlobalOptions): Promise<Result<Config>> {
    const { loadConfig } = await import('@barter/agent/config/load.ts');
    return loadConfig(options.config);
  }

  /** The agent of this host. Reads the configuration only where it can name another socket. */
  async client(options: GlobalOptions): Promise<Result<ControlClient>> {
    const socketPath = await this.#socketPath(options);
    if (!socketPath.ok) return socketPath;
    const { ControlClient } = await import('@barter/agent/control/client.ts');
    return { ok: true, value: new ControlClient({ socketPath: socketPath.value }) };
  }

  async #socketPath(options: GlobalOptions): Promise<Result<string>> {
    if (options.socket !== undefined) return { ok: true, value: options.socket };
    if (options.config === undefined && !existsSync(defaultConfigPath)) {
      return { ok: true, value: defaultSocketPath };
    }
    const config = await this.config(options);
    if (config.ok) return { ok: true, value: config.value.control.socket };
    // Who may not read the agent's configuration may still be allowed to ask the agent.
    if (options.config === undefined && config.code === 'config-unreadable') {
      return { ok: true, value: defaultSocketPath };
    }
    return config;
  }
}
