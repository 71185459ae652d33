import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SqliteJournal } from '../../src/journal/sqlite-journal.ts';

const writerFile = new URL('writer.ts', import.meta.url).pathname;

describe('a journal whose process dies', () => {
  let directory: string;
  let path: string;
  let writer: ChildProcess | undefined;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'barter-journal-'));
    path = join(directory, 'journal.db');
  });
  afterEach(async () => {
    writer?.kill('SIGKILL');
    await rm(directory, { recursive: true });
  });

  /** Lets a process of its own append, and kills it after it has acknowledged so many batches. */
  async function writeAndKill(first: number, batches: number): Promise<number> {
    writer = spawn(process.execPath, [writerFile, path, String(first)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let acknowledged = first - 1;
    const lines = createInterface({ input: writer.stdout as NodeJS.ReadableStream });
    const closed = once(lines, 'close');
    lines.on('line', (line) => {
      acknowledged = Number(line);
      if (acknowledged === first + batches - 1) writer?.kill('SIGKILL');
    });
    await closed;
    return acknowledged;
  }

  it('has every acknowledged batch, and each batch whole, after each of 20 SIGKILLs', async () => {
    let acknowledged = -1;
    for (let kill = 0; kill < 20; kill += 1) {
      const before = acknowledged;
      acknowledged = await writeAndKill(before + 1, 1 + kill * 7);
      expect(acknowledged).toBeGreaterThan(before);
      const opened = await SqliteJournal.open({ path, host: 'host-a' });
      if (!opened.ok) throw new Error(opened.message);
      const keys = new Set((await opened.value.load()).map(({ key }) => key));
      for (let batch = 0; batch <= acknowledged; batch += 1) {
        expect(keys.has(`left-${batch}`) && keys.has(`right-${batch}`), `batch ${batch}`).toBe(
          true,
        );
      }
      // One batch more may have become durable before its acknowledgement got out; it, too, is whole.
      const extra = keys.size - 2 * (acknowledged + 1);
      expect([0, 2]).toContain(extra);
      acknowledged += extra / 2;
      await opened.value.close();
    }
  }, 60_000);

  it('is refused to a second process while the first one lives, and free after it', async () => {
    writer = spawn(process.execPath, [writerFile, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(createInterface({ input: writer.stdout as NodeJS.ReadableStream }), 'line');
    const second = await SqliteJournal.open({ path, host: 'host-a' });
    expect(second).toMatchObject({ ok: false, code: 'journal-locked' });
    const gone = once(writer, 'exit');
    writer.kill('SIGKILL');
    await gone;
    const third = await SqliteJournal.open({ path, host: 'host-a' });
    expect(third.ok).toBe(true);
    if (third.ok) await third.value.close();
  });
});
