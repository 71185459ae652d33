/** Where the command line writes: standard output for answers, standard error for everything else. */

import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

export type Terminal = Readonly<{
  out(text: string): void;
  error(text: string): void;
  /** Reads all of standard input, up to so many characters (64 Ki by default). */
  input(lengthMax?: number): Promise<string>;
  /** Columns to fit tables into; null when the output is not a terminal and may be as wide as it likes. */
  columns: number | null;
  colours: boolean;
  /** Whether block characters may be drawn. */
  unicode: boolean;
}>;

/** The terminal this process runs in. Colours only on a terminal, and never with NO_COLOR set. */
export function processTerminal(): Terminal {
  const { stdin, stdout, stderr, env } = process;
  const isTerminal = stdout.isTTY === true;
  // A reader that has seen enough (`barter deals | head`) is not a failure.
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  return {
    out: (text) => void stdout.write(`${text}\n`),
    error: (text) => void stderr.write(`${text}\n`),
    async input(lengthMax = 64 * 1024) {
      const chunks: string[] = [];
      let length = 0;
      stdin.setEncoding('utf8');
      for await (const chunk of stdin) {
        chunks.push(String(chunk));
        length += chunks.at(-1)?.length ?? 0;
        if (length > lengthMax) break;
      }
      return chunks.join('');
    },
    columns: isTerminal ? Math.max(40, stdout.columns ?? 80) : null,
    colours: isTerminal && !env.NO_COLOR && env.TERM !== 'dumb',
    unicode: !isTerminal || /utf-?8/i.test(env.LC_ALL || env.LC_CTYPE || env.LANG || ''),
  };
}

export function styled(terminal: Terminal, style: Style, text: string): string {
  return terminal.colours ? styleText(style, text, { validateStream: false }) : text;
}
