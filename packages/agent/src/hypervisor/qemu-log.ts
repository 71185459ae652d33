/**
 * What libvirt's log of a domain says about an arrival that nobody watched to its end:
 *
 *   TIME: starting up libvirt version: …             qemu_process.c, `qemuLogOperation`
 *   VARIABLE=VALUE \                                 the command line, an argument a line: `virCommandToString`
 *   -uuid UUID \
 *   -incoming defer \
 *   -msg timestamp=on
 *   …                                                what libvirt and QEMU have to say meanwhile
 *   TIME: shutting down, reason=daemon               `qemuProcessStop`, before QEMU is killed
 *   TIME QEMU: terminating on signal 15 from pid …   QEMU's last word
 *
 * A libvirtd that comes back to a copy whose order it had got ends it, unless that runs (`qemuProcessRecoverMigrationIn`,
 * QEMU_MIGRATION_PHASE_FINISH3), and `qemuProcessReconnect` gives the reason VIR_DOMAIN_SHUTOFF_DAEMON, because QEMU had
 * answered. It does the same with a copy that had run and stopped by itself while libvirtd was away, or that it fails to take over
 * for another reason: that neither happens within a minute is assumed (ADR 0007).
 *
 * The rule: proof or nothing. A guest may make QEMU print any line. It cannot keep libvirtd from writing how it ended, so
 * that a second line about an end, a later start, and anything else that is not as above prove nothing.
 */

import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { monotonicMs } from '../mover/monotonic.ts';

/** `qemu:///system`; its place is settled when libvirt is built (qemu_conf.c, `virQEMUDriverConfigNew`: logDir). */
export const qemuLogDirectory = '/var/log/libvirt/qemu';

/** An arriving copy, and when the order to run it passed. */
export type OrderedCopy = Readonly<{
  name: string;
  uuid: string;
  /** On the clock of monotonic.ts. */
  atMs: number;
  /** The same moment on the clock that libvirt writes its log by. */
  wallMs: number;
}>;

/** A command line takes some ten kilobytes, and what may follow it here is a few lines. */
const tailBytesMax = 256 * 1024;
/** For so long libvirtd may have been away. The longer, the more may have become of a copy that ran. */
const awayMsMax = 60_000;
/** Two looks at two clocks are no moment; more than this, and somebody has set one, or the host slept. */
const clockDriftMsMax = 1_000;

const stamp = String.raw`(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d\.\d{3})\+0000`;
const startLine = new RegExp(`^${stamp}: starting up libvirt version: .+$`);
const endLine = new RegExp(`^${stamp}: shutting down, reason=daemon$`);
const incomingLine = /^-incoming \S+ \\$/;
const lastWord =
  /^\d{4}-\d\d-\d\dT[\d:.]+Z [\w./-]+: terminating on signal 15 from pid \d+ \([^()]*\)$/;

/** True only when the log proves that libvirtd, as it came back, ended this copy before it had run. Never rejects. */
export async function wasEndedUnrun(directory: string, copy: OrderedCopy): Promise<boolean> {
  const driftMs = Date.now() - copy.wallMs - (monotonicMs() - copy.atMs);
  // What is not a number is not less.
  if (!(Math.abs(driftMs) <= clockDriftMsMax)) return false;
  const text = await readTail(directory, copy.name);
  return text !== null && saysEndedUnrun(text, copy);
}

/** The same, from the end of the log, which begins with a whole line. */
export function saysEndedUnrun(
  text: string,
  { uuid, wallMs }: Pick<OrderedCopy, 'uuid' | 'wallMs'>,
): boolean {
  // The last line is being written, or was cut off for want of space.
  if (!text.endsWith('\n')) return false;
  const lines = text.slice(0, -1).split('\n');
  const start = lines.findLastIndex((line) => line.includes('starting up libvirt version'));
  const startedAtMs = momentOf(startLine, lines[start]);
  const commandEnd = lines.findIndex((line, index) => index > start && !line.endsWith(' \\'));
  if (start < 0 || commandEnd < 0) return false;
  const command = lines.slice(start + 1, commandEnd);
  if (!command.includes(`-uuid ${uuid} \\`)) return false;
  if (!command.some((line) => incomingLine.test(line))) return false;
  const after = lines.slice(commandEnd + 1);
  const ends = after.filter((line) => line.includes('shutting down, reason='));
  const endedAtMs = momentOf(endLine, ends[0]);
  const words = after.slice(after.indexOf(ends[0] ?? '') + 1);
  const isLast =
    ends.length === 1 && words.length <= 1 && words.every((line) => lastWord.test(line));
  return isLast && startedAtMs <= wallMs && wallMs <= endedAtMs && endedAtMs <= wallMs + awayMsMax;
}

/** When a line of this kind was written; not a number when it is none. */
function momentOf(kind: RegExp, line: string | undefined): number {
  const [, day, time] = kind.exec(line ?? '') ?? [];
  return Date.parse(`${day}T${time}Z`);
}

/** The end of a domain's log from a whole line on; null when there is none, or it cannot be read. */
async function readTail(directory: string, name: string): Promise<string | null> {
  // libvirt takes no such name for a domain (`virDomainDefPostParseCommon`), and a file of that name is none of its logs.
  if (name === '' || /[/\0]/.test(name)) return null;
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    await using file = await open(
      join(directory, `${name}.log`),
      O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
    );
    const status = await file.stat();
    if (!status.isFile()) return null;
    const from = Math.max(0, status.size - tailBytesMax);
    const tail = await file.read(Buffer.alloc(tailBytesMax), 0, tailBytesMax, from);
    const text = tail.buffer.toString('utf8', 0, tail.bytesRead);
    return from === 0 ? text : text.slice(text.indexOf('\n') + 1);
  } catch {
    return null;
  }
}
