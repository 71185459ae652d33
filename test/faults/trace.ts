/** What happened in a run, in order: readable lines for whoever has to understand a failure, and a digest of all of them. */

const keptMax = 4_000;
const recentLines = 40;
const subjectLines = 80;

export class Trace {
  readonly #nowMs: () => number;
  #lines: string[] = [];
  #hash = 0x811c9dc5;
  #hash2 = 0x1b873593;
  count = 0;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  add(line: string): void {
    const text = `${(this.#nowMs() / 1000).toFixed(3).padStart(9)} ${line}`;
    this.count++;
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      this.#hash = Math.imul(this.#hash ^ code, 0x01000193);
      this.#hash2 = Math.imul(this.#hash2 ^ code, 0x5bd1e995) ^ (this.#hash2 >>> 15);
    }
    this.#lines.push(text);
    if (this.#lines.length > 2 * keptMax) this.#lines = this.#lines.slice(-keptMax);
  }

  /** The same for two runs exactly when every line of both is the same. */
  get digest(): string {
    const hex = (hash: number) => (hash >>> 0).toString(16).padStart(8, '0');
    return `${hex(this.#hash)}${hex(this.#hash2)}-${this.count}`;
  }

  /** The last lines about the subjects of a failure, and the last lines of all. */
  excerpt(subjects: readonly string[]): string {
    const recent = this.#lines.length - recentLines;
    const about = withoutRepetitions(
      this.#lines
        .slice(0, Math.max(0, recent))
        .filter((line) => subjects.some((subject) => new RegExp(`\\b${subject}\\b`).test(line))),
    );
    return [
      ...(about.length > subjectLines ? ['  …'] : []),
      ...about.slice(-subjectLines),
      '  --- and, of everything, the last lines:',
      ...withoutRepetitions(this.#lines.slice(-recentLines)),
    ].join('\n');
  }
}

/** Whoever waits repeats itself: of what was said again and again, the first time is told. */
function withoutRepetitions(lines: readonly string[]): string[] {
  const told: string[] = [];
  const recent: string[] = [];
  for (const line of lines) {
    const text = line.slice(10);
    if (recent.includes(text)) continue;
    told.push(line);
    recent.push(text);
    if (recent.length > 12) recent.shift();
  }
  return told;
}
