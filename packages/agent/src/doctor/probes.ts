/** What the checks of `barter doctor` may look at. Everything they know of the machine comes through here. */

export type FileText =
  | Readonly<{ kind: 'text'; text: string }>
  | Readonly<{ kind: 'missing' }>
  | Readonly<{ kind: 'forbidden' }>;

export type ProgramRun =
  | Readonly<{ kind: 'ended'; code: number; output: string; errors: string }>
  /** There is no such program in the path, or it did not end in time. */
  | Readonly<{ kind: 'missing' }>
  | Readonly<{ kind: 'timeout' }>;

export interface HostProbes {
  readonly nodeVersion: string;
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly isRoot: boolean;
  nowMs(): number;
  /** The first 1 MiB of a file. */
  read(path: string): Promise<FileText>;
  /** Names in a directory; empty when there is none. */
  list(path: string): Promise<readonly string[]>;
  /** Permission bits and owner; null when it is not there or out of reach. */
  stat(path: string): Promise<Readonly<{ mode: number; uid: number }> | null>;
  /** Whether this process may write into a directory, or into the nearest parent that exists. */
  mayWrite(path: string): Promise<boolean>;
  /** Free bytes for this process where the path is, or will be; null when unknown. */
  freeBytes(path: string): Promise<number | null>;
  connectUnix(path: string): Promise<'open' | 'missing' | 'refused' | 'forbidden'>;
  /** Whether this process could listen there now. */
  tryListen(address: string, port: number): Promise<'free' | 'in-use' | 'unavailable'>;
  run(program: string, words: readonly string[]): Promise<ProgramRun>;
  /** Names of the running processes, as in /proc/PID/comm. */
  processNames(): Promise<ReadonlySet<string>>;
}
