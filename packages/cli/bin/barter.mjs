#!/usr/bin/env node
// Starts the CLI on the Node that Barter brings along: the host's own may be older.
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';

if (Number(process.versions.node.split('.')[0]) >= 24) {
  await import('../src/main.ts');
} else {
  const node = createRequire(import.meta.url).resolve('node/bin/node');
  const result = spawnSync(
    node,
    [import.meta.filename ?? process.argv[1], ...process.argv.slice(2)],
    {
      stdio: 'inherit',
    },
  );
  process.exit(result.status ?? 1);
}
