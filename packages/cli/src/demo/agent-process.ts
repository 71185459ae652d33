/** One agent of the demo: a real `barter agent` in a process of its own, watched from start to end. */

import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ControlClient } from '@barter/agent/control/client.ts';

/** A clean end waits for an undecided deal; this is longer than that. */
const endWithinMs = 8_000;
const tailLines = 5;

export type AgentFiles = Readonly<{ config: string; control: string; log: string }>;

export class AgentProcess {
  readonly name: string;
  readonly client: ControlClient;
  readonly #child: ChildProcess;
  readonly #log: string;
  readonly #ended: Promise<void>;
  #running = true;
  #stopping = false;

  /** `onCrash` is called when the process ends without having been asked to; with one sentence. */
  constructor(name: string, files: AgentFiles, onCrash: (why: string) => void) {
    this.name = name;
    this.#log = files.log;
    this.client = new ControlClient({ socketPath: files.control });
    const log = openSync(files.log, 'a', 0o600);
    // In a bundle every module has the bundle's URL, and the bundle is the program.
    const self = fileURLToPath(import.meta.url);
    const barter = self.endsWith('.ts')
      ? fileURLToPath(new URL('../../bin/barter.mjs', import.meta.url))
      : self;
    this.#child = spawn(
      process.execPath,
      [...process.execArgv, barter, 'agent', '--config', files.config],
      // Its own process group: Ctrl-C is the demo's to act on, and ends the agents in order.
      { stdio: ['ignore', log, log], detached: true },
    );
    closeSync(log);
    this.#ended = new Promise((resolve) => {
      const ended = (how: string) => {
        if (!this.#running) return;
        this.#running = false;
        resolve();
        if (!this.#stopping) onCrash(`The agent of ${name} ${how}.${this.#tail()}`);
      };
      this.#child.once('error', (error) => ended(`could not be started: ${error.message}`));
      this.#child.once('exit', (code, signal) =>
        ended(signal === null ? `ended with code ${code}` : `was ended by ${signal}`),
      );
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Ends the agent cleanly, by force when it takes too long. Resolves when the process is gone. */
  async stop(): Promise<void> {
    this.#stopping = true;
    if (!this.#running) return;
    this.#child.kill('SIGTERM');
    const timer = setTimeout(() => this.kill(), endWithinMs);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Ends the process and whatever it started, at once. For when there is no time left. */
  kill(): void {
    this.#stopping = true;
    if (this.#child.pid === undefined || !this.#running) return;
    try {
      process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      this.#child.kill('SIGKILL');
    }
  }

  #tail(): string {
    try {
      const lines = readFileSync(this.#log, 'utf8').trimEnd().split('\n').slice(-tailLines);
      return lines[0] === '' ? '' : ` Its last words:\n  ${lines.join('\n  ')}`;
    } catch {
      return '';
    }
  }
}
