#!/usr/bin/env node
// Starts the command line on the Node that Barter brings along: the host's own may be older. Plain
// JavaScript that Node 18 can read; also the entry of the bundle (scripts/build.mjs).
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const majorMin = 24;

if (Number(process.versions.node.split('.')[0]) >= majorMin) {
  await import('../src/main.ts');
} else {
  runOnOwnNode();
}

/** Stays as the parent, so it passes signals on and ends as its child ended. */
function runOnOwnNode() {
  const node = ownNode();
  if (node === undefined) {
    console.error(
      `barter: needs Node ${majorMin} or later, this is ${process.version}, and the npm package "node" is not installed beside it`,
    );
    process.exit(1);
  }
  // In place before there is a child: a signal that comes early must not end us without it. The terminal
  // sends SIGINT to both of us, so there we only wait.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
  });
  child.on('error', (error) => {
    console.error(`barter: cannot start ${node}: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (code, signal) => {
    process.exit(signal === null ? code : 128 + constants.signals[signal]);
  });
}

function ownNode() {
  try {
    return createRequire(import.meta.url).resolve('node/bin/node');
  } catch {
    return undefined;
  }
}
