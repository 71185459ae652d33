import type { Terminal } from '../src/terminal.ts';

export type FakeTerminal = Terminal & {
  /** What was written to standard output and standard error. */
  written(): { out: string; error: string };
};

export function fakeTerminal(options: Partial<Terminal> = {}): FakeTerminal {
  const out: string[] = [];
  const error: string[] = [];
  return {
    out: (text) => void out.push(text),
    error: (text) => void error.push(text),
    input: async () => '',
    columns: null,
    colours: false,
    unicode: true,
    ...options,
    written: () => ({ out: out.join('\n'), error: error.join('\n') }),
  };
}
