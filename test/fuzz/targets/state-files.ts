/** The files of a host's membership, damaged on disk or by hand: each opens, or says what to do. */

import { accessSync, constants, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AddressBook } from '../../../packages/agent/src/network/address-book.ts';
import { openIdentity } from '../../../packages/agent/src/network/identity.ts';
import { Invitations } from '../../../packages/agent/src/network/invitations.ts';
import { initCluster, statePaths } from '../../../packages/agent/src/network/join.ts';
import { RosterStore } from '../../../packages/agent/src/network/roster-store.ts';
import { mutateText } from '../mutate.ts';
import { broken, type Prepare, target } from '../target.ts';

const clock = { nowMs: () => 1_700_000_000_000 };
const words = [
  'version',
  'cluster',
  'entries',
  'invitations',
  'secretHash',
  'expiresAtMs',
  'attemptsLeft',
  'usedBy',
  'peers',
  '/ip4/192.0.2.1/tcp/7411',
  '/dns4/kvm1/tcp/1',
  '/unix/x',
  '/ip6zone/a/ip6/fe80::1/tcp/1',
  'null',
  '[]',
  '{}',
  '-1',
  '1e99',
  'AAAA',
];
/**
 * In memory where there is such a place. On a disk, a file that is cut and written anew a thousand times a second waits
 * for its last content to be written back, for as long as others keep the disk busy: half a second beside one that
 * writes and syncs 1.5 GB, 30 s once.
 */
const memory = '/dev/shm';

const kinds = ['roster', 'invitations', 'addresses', 'key'] as const;

export const prepare: Prepare = async () => {
  const folder = mkdtempSync(join(isWritable(memory) ? memory : tmpdir(), 'barter-fuzz-'));
  const keyFile = join(folder, 'host.key');
  const paths = statePaths(folder);
  const made = await initCluster({
    keyFile,
    stateDirectory: folder,
    name: 'a',
    clock,
    clusterName: 'c',
  });
  if (!made.ok) throw new Error(made.message);
  const invitations = await Invitations.open(paths.invitations, clock);
  if (!invitations.ok) throw new Error(invitations.message);
  await invitations.value.create(1000);
  const files = { ...paths, key: keyFile };
  const good = {
    roster: await readFile(paths.roster, 'utf8'),
    invitations: await readFile(paths.invitations, 'utf8'),
    addresses: JSON.stringify({ version: 1, peers: { [made.value.host]: ['/ip4/1.2.3.4/tcp/1'] } }),
    key: await readFile(keyFile, 'utf8'),
  };
  const cluster = made.value.cluster;
  return target<string>({
    name: 'state-files',
    close: () => rmSync(folder, { recursive: true }),
    bytesPerByte: 600,
    /** The kind of file on the first line. */
    make(dice) {
      const kind = dice.pick(kinds);
      const other = good[dice.pick(kinds)];
      return `${kind}\n${mutateText(dice, good[kind], other, words, 64 * 1024)}`;
    },
    async read(input) {
      const end = input.indexOf('\n');
      const kind = input.slice(0, end) as (typeof kinds)[number];
      writeFileSync(files[kind], input.slice(end + 1), { mode: 0o600 });
      if (kind === 'addresses') return void (await AddressBook.open(files[kind]));
      if (kind === 'invitations') return void (await Invitations.open(files[kind], clock));
      if (kind === 'key') {
        const identity = await openIdentity(files[kind]);
        if (!identity.ok && input.trim() === `key\n${good.key}`.trim()) broken('a good key opens');
        if (
          !identity.ok &&
          identity.message.includes(input.slice(end + 1, -1)) &&
          input.length > 20
        )
          broken('a refusal does not repeat the key');
        return;
      }
      const store = await RosterStore.open(files[kind]);
      if (store.ok && store.value.current.cluster !== cluster) broken('no other cluster');
      if (store.ok && store.value.current.members.size !== 1)
        broken('nobody gets in by a bad file');
    },
  });
};

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
