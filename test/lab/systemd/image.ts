/**
 * What the machines of the systemd lab run: this machine's own programs, the distribution's libvirt configuration
 * and units (from its package; unpacked, not installed, where the machine has none), and Barter as it is installed.
 */

import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { LabError, mustRun, run } from '../process.ts';
import { cacheDirectory } from '../requirements.ts';

export const repository = fileURLToPath(new URL('../../..', import.meta.url));

const systemdProgram = '/lib/systemd/systemd';
const libvirtPackage = 'libvirt-daemon-system';

/** Why no machine with systemd can be made here, in one sentence; undefined when one can. */
export function whyNoSystemd(): string | undefined {
  if (!existsSync(systemdProgram)) return `the systemd lab needs ${systemdProgram}`;
  if (Number(process.versions.node.split('.')[0]) < 24)
    return 'the agent needs Node 24: run this with npm run lab:systemd';
  return undefined;
}

/**
 * The directory below which the package's files lie (`etc/libvirt/qemu.conf`, `lib/systemd/system/libvirtd.service`):
 * the machine's own root when it is installed.
 */
export async function libvirtFiles(): Promise<string> {
  const { stdout } = await run(['dpkg-query', '--status', libvirtPackage]);
  if (stdout.includes('Status: install ok installed')) return '/';
  const unpacked = `${cacheDirectory}/${libvirtPackage}`;
  if (existsSync(`${unpacked}/etc/libvirt/qemu.conf`)) return unpacked;
  const work = `${unpacked}.new`;
  rmSync(work, { recursive: true, force: true });
  mkdirSync(work, { recursive: true });
  const script = `cd "$WORK" && apt-get download -qq ${libvirtPackage} && dpkg-deb -x ./*.deb . && rm ./*.deb`;
  await mustRun(['sh', '-ec', script], { environment: { WORK: work } });
  if (!existsSync(`${work}/etc/libvirt/qemu.conf`))
    throw new LabError(`${libvirtPackage} holds no etc/libvirt/qemu.conf`);
  await mustRun(['mv', '-T', work, unpacked]);
  return unpacked;
}

/** What an operator has before him when he installs: `dist/` fresh from `npm run build`, and `deploy/`. */
export async function buildBarter(directory: string): Promise<void> {
  await mustRun([process.execPath, `${repository}scripts/build.mjs`, `${directory}/dist`]);
  cpSync(`${repository}deploy`, `${directory}/deploy`, { recursive: true });
}
