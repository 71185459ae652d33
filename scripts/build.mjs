// Bundles Barter into dist/: barter.mjs, the whole command line in one file without dependencies, and
// mover.mjs, the process that carries migrations, alone because it is started for every one of them.
// Both run on Node 24 as they are; barter.mjs under an older Node looks for the npm package `node`.
import { chmodSync, rmSync, statSync } from 'node:fs';
import { build } from 'esbuild';

const root = new URL('..', import.meta.url).pathname;
rmSync(`${root}dist`, { recursive: true, force: true });

const result = await build({
  absWorkingDir: root,
  entryPoints: [
    { in: 'packages/cli/bin/barter.mjs', out: 'barter' },
    { in: 'packages/cli/bin/mover.mjs', out: 'mover' },
  ],
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  bundle: true,
  platform: 'node',
  format: 'esm',
  // The launcher must be readable to the Node that the host has.
  target: 'node20',
  // CommonJS packages inside ask for `require`.
  banner: {
    js: "import { createRequire as barterCreateRequire } from 'node:module';\nconst require = barterCreateRequire(import.meta.url);",
  },
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
});

for (const path of Object.keys(result.metafile.outputs)) {
  chmodSync(`${root}${path}`, 0o755);
  console.log(`${path}  ${(statSync(`${root}${path}`).size / 1024).toFixed(0)} KiB`);
}
