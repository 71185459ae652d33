// Runs `npm ci` unless node_modules already holds exactly what the lock file asks for. Plain
// JavaScript without dependencies: it runs on the Node that the stranger has, before anything is there.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const root = new URL('..', import.meta.url);
const stamp = new URL('node_modules/.barter-installed', root);
const digest = createHash('sha256')
  .update(readFileSync(new URL('package-lock.json', root)))
  .digest('hex');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== digest) {
  const result = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: 'inherit',
  });
  if (result.status !== 0) {
    console.error('barter: npm ci failed; see the lines above.');
    process.exit(1);
  }
  writeFileSync(stamp, digest);
}
