// Bundles Barter into dist/ (or the directory given): barter.mjs, the whole command line in one file without dependencies;
// mover.mjs, the process that carries migrations, alone because it is started for every one of them; chart.mjs, which
// `barter simulate --chart` loads, alone because no agent should have a charting library in its memory; and simulation.mjs,
// the thread of `barter simulate`, which is faster with it and works without.
// The first two run on Node 24 as they are; barter.mjs under an older Node looks for the npm package `node`.
import { chmodSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = process.argv[2] ?? join(root, 'dist');
for (const name of ['barter.mjs', 'mover.mjs', 'chart.mjs', 'simulation.mjs'])
  rmSync(join(target, name), { force: true });

const result = await build({
  absWorkingDir: root,
  entryPoints: [
    { in: 'packages/cli/bin/barter.mjs', out: 'barter' },
    { in: 'packages/cli/bin/mover.mjs', out: 'mover' },
    { in: 'packages/sim/src/chart/chart.ts', out: 'chart' },
    { in: 'packages/sim/src/simulate/worker.ts', out: 'simulation' },
  ],
  plugins: [
    {
      name: 'chart-beside',
      setup: ({ onResolve }) =>
        onResolve({ filter: /^@barter\/sim\/chart\.ts$/ }, () => ({
          path: './chart.mjs',
          external: true,
        })),
    },
  ],
  outdir: target,
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
  // Shorter text is less memory in every agent (14 of 138 MB); names stay, for stack traces.
  minifyWhitespace: true,
  minifySyntax: true,
  legalComments: 'none',
  logLevel: 'warning',
  metafile: true,
});

for (const path of Object.keys(result.metafile.outputs)) {
  const file = join(target, basename(path));
  chmodSync(file, 0o755);
  console.log(`${file}  ${(statSync(file).size / 1024).toFixed(0)} KiB`);
}
