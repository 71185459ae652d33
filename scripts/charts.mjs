// Redraws docs/charts/*.svg from the golden scenarios: `npm run charts`.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

const charts = [
  ['threshold', 'host-1-only'],
  ['threshold', 'swap'],
  ['threshold', 'centred-on-vm-3'],
  ['threshold', 'load-falls'],
  ['cpu-balance', 'load-rises'],
  ['aggregate', 'night-and-day'],
];

mkdirSync(at('docs/charts'), { recursive: true });
for (const [preset, name] of charts) {
  const file = at(`test/scenario/${preset}/${name}.json`);
  const chart = at(`docs/charts/${preset}-${name}.svg`);
  const words = ['simulate', file, '--preset', preset, '--chart', chart];
  execFileSync(process.execPath, [at('packages/cli/bin/barter.mjs'), ...words], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  console.log(`docs/charts/${preset}-${name}.svg`);
}
