/**
 * The user under whom libvirt runs QEMU: it must be able to make its migration socket in the target's
 * settlement directory. From `user` and `group` in /etc/libvirt/qemu.conf, otherwise the names that
 * distributions build libvirt with.
 */

import { readFile } from 'node:fs/promises';

export type Owner = Readonly<{ uid: number; gid: number }>;

const usualUsers = ['libvirt-qemu', 'qemu'];

/** Null when QEMU runs as root, or as nobody this host knows. */
export async function readQemuOwner(
  files = { qemuConf: '/etc/libvirt/qemu.conf', passwd: '/etc/passwd', group: '/etc/group' },
): Promise<Owner | null> {
  const [conf, passwd, group] = await Promise.all([
    readText(files.qemuConf),
    readText(files.passwd),
    readText(files.group),
  ]);
  const setting = (name: string) =>
    new RegExp(`^\\s*${name}\\s*=\\s*"\\+?([^"]*)"`, 'm').exec(conf)?.[1];
  const users = setting('user') === undefined ? usualUsers : [setting('user') ?? ''];
  for (const user of users) {
    const entry = passwd
      .split('\n')
      .map((line) => line.split(':'))
      .find((f) => f[0] === user || f[2] === user);
    const uid = Number(entry?.[2]);
    if (entry === undefined || !Number.isInteger(uid)) continue;
    if (uid === 0) return null;
    const wanted = setting('group');
    const groups = group.split('\n').map((line) => line.split(':'));
    const found = groups.find((fields) => fields[0] === wanted || fields[2] === wanted);
    const gid = Number(found?.[2] ?? entry[3]);
    return Number.isInteger(gid) ? { uid, gid } : null;
  }
  return null;
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
