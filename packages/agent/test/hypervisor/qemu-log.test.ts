/** When libvirt's log of a domain proves that its copy was ended before it ran, and everything that proves nothing. */

import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type OrderedCopy, saysEndedUnrun, wasEndedUnrun } from '../../src/hypervisor/qemu-log.ts';
import { monotonicMs } from '../../src/mover/monotonic.ts';
import { temporaryDirectory, tidy } from '../mover/harness.ts';

const uuid = 'ba27e400-0000-4000-8000-000000000006';
const orderedAt = '2026-11-26 01:25:20.100';
const wallMs = atMs(orderedAt);

function atMs(time: string): number {
  return Date.parse(`${time.replace(' ', 'T')}Z`);
}

/** As libvirt 9.0 writes it, with fewer arguments. */
function start(time = '2026-11-26 01:24:52.397', how = '-incoming defer', id = uuid): string {
  const version = 'starting up libvirt version: 9.0.0, package: 9.0.0-4 (Debian), hostname: h3';
  return `${time}+0000: ${version}
LC_ALL=C \\
/usr/bin/qemu-system-x86_64 \\
-name guest=vm6,debug-threads=on \\
-uuid ${id} \\
-append 'console=ttyS0 quiet' \\
${how === '' ? '' : `${how} \\\n`}-msg timestamp=on
2026-11-26 01:24:52.397+0000: Domain id=2 is tainted: high-privileges
`;
}

function end(reason = 'daemon', time = '2026-11-26 01:25:27.449'): string {
  return `${time}+0000: shutting down, reason=${reason}\n`;
}

const killed =
  '2026-11-26T01:25:27.450025Z qemu-system-x86_64: terminating on signal 15 from pid 14292 (libvirtd)\n';
const chatter = '2026-11-26T01:25:19.450025Z qemu-system-x86_64: warning: TSC is not stable\n';

describe('libvirt’s log proves that libvirtd ended an ordered copy before it ran', () => {
  test.each([
    ['when it says so last', start() + end()],
    ['with QEMU’s last word after it', start() + end() + killed],
    ['whatever QEMU said before', start() + chatter + end() + killed],
    ['after earlier stories of the same domain', start() + end('migrated') + start() + end()],
    ['when the copy was ended in the moment of its order', start() + end('daemon', orderedAt)],
    ['when the beginning of the log is not read', `ne\n${end('destroyed')}${start()}${end()}`],
  ])('%s', (_when, text) => {
    expect(saysEndedUnrun(text, { uuid, wallMs })).toBe(true);
  });
});

describe('libvirt’s log proves nothing', () => {
  test.each([
    ['when it is empty', ''],
    ['when the copy has not ended', start()],
    ...['crashed', 'destroyed', 'migrated', 'shutdown', 'failed', 'unknown', 'daemons'].map(
      (reason) => [`when the reason is ${reason}`, start() + end(reason) + killed],
    ),
    ['when the domain was started once more', start() + end() + start()],
    ['when it was started in another way since', start() + end() + start(undefined, '')],
    ['when what ended had been started, not let in', start(undefined, '') + end()],
    [
      'when another domain of that name was let in',
      start(undefined, undefined, uuid.replace('6', '7')) + end(),
    ],
    ['when it was started after the order', start('2026-11-26 01:25:20.101') + end()],
    ['when it ended before the order', start() + end('daemon', '2026-11-26 01:25:20.099')],
    ['when libvirtd was away for long', start() + end('daemon', '2026-11-26 01:26:20.101')],
    ['when its start was rotated away', end() + killed],
    ['when its start is cut off', start().slice(40) + end()],
    ['when its end is cut off', (start() + end()).slice(0, -1)],
    ['when its command line is cut off', start().split('-msg')[0] + end()],
    ['when a time is odd', start() + end('daemon', '2026-13-26 01:25:27.449')],
    ['when a time is local', (start() + end()).replaceAll('+0000', '+0200')],
    // Whoever runs in a guest may make QEMU print what it likes. libvirtd's own word comes as well.
    ['when QEMU printed such a line and libvirtd another one', start() + end() + end('destroyed')],
    ['when QEMU printed such a line and libvirtd the same', start() + end() + killed + end()],
    ['when the line stands within another', `${start()}2026-11-26T01:25:27Z qemu: ${end()}`],
    ['when more stands in the line', start() + end('daemon now')],
    ['when QEMU says more afterwards', start() + end() + chatter],
    ['when QEMU ends twice', start() + end() + killed + killed],
    ['when QEMU printed a start of its own', `${start() + chatter.slice(0, 20)}${start()}${end()}`],
  ])('%s', (_when, text) => {
    expect(saysEndedUnrun(text as string, { uuid, wallMs })).toBe(false);
  });
});

describe('the log of a domain', () => {
  const text = (wall: number) => {
    const time = (ms: number) => new Date(ms).toISOString().replace('T', ' ').slice(0, -1);
    return start(time(wall - 5_000)) + end('daemon', time(wall + 2_000));
  };

  /** What is found in a directory that was filled before. */
  async function found(
    fill: (directory: string, wall: number) => Promise<unknown>,
    change: Partial<OrderedCopy> = {},
  ): Promise<boolean> {
    const directory = await temporaryDirectory();
    const copy = { name: 'vm6', uuid, atMs: monotonicMs(), wallMs: Date.now(), ...change };
    try {
      await fill(directory, copy.wallMs);
      return await wasEndedUnrun(directory, copy);
    } finally {
      await tidy(directory);
    }
  }

  const asItShouldBe = (directory: string, wall: number) =>
    writeFile(join(directory, 'vm6.log'), text(wall));

  test('is read', async () => {
    expect(await found(asItShouldBe)).toBe(true);
  });

  test('is read from its end, however long it is', async () => {
    const long = chatter.repeat(20_000);
    const fill = (directory: string, wall: number) =>
      writeFile(join(directory, 'vm6.log'), long + text(wall));
    expect(await found(fill)).toBe(true);
    const tooLong = (directory: string, wall: number) => {
      const [head = '', tail = ''] = text(wall).split(/(?=\n.*shutting down)/);
      return writeFile(join(directory, 'vm6.log'), `${head}\n${long}${tail.slice(1)}`);
    };
    expect(await found(tooLong)).toBe(false);
  });

  test('says nothing when a clock has been set since, or nobody knows when the order passed', async () => {
    expect(await found(asItShouldBe, { atMs: monotonicMs() - 1_500 })).toBe(false);
    expect(await found(asItShouldBe, { atMs: monotonicMs() + 1_500 })).toBe(false);
    expect(await found(asItShouldBe, { atMs: Number.NaN })).toBe(false);
  });

  test.each<[string, string, (directory: string, wall: number) => Promise<unknown>]>([
    ['is missing', 'vm6', async () => {}],
    ['is a directory', 'vm6', (directory) => mkdir(join(directory, 'vm6.log'))],
    [
      'is a link',
      'vm6',
      async (directory, wall) => {
        await writeFile(join(directory, 'other.log'), text(wall));
        await symlink(join(directory, 'other.log'), join(directory, 'vm6.log'));
      },
    ],
    [
      'would lie elsewhere',
      'elsewhere/vm6',
      async (directory, wall) => {
        await mkdir(join(directory, 'elsewhere'));
        await writeFile(join(directory, 'elsewhere', 'vm6.log'), text(wall));
      },
    ],
    ['has no name', '', (directory, wall) => writeFile(join(directory, '.log'), text(wall))],
    ['has an impossible name', 'vm\0', async () => {}],
    ['has too long a name', 'v'.repeat(300), async () => {}],
  ])('says nothing when it %s', async (_what, name, fill) => {
    expect(await found(fill, { name })).toBe(false);
  });

  test('of a domain with an odd name is read as libvirt writes it', async () => {
    const fill = (directory: string, wall: number) =>
      writeFile(join(directory, '..ä b".log'), text(wall));
    expect(await found(fill, { name: '..ä b"' })).toBe(true);
  });
});
