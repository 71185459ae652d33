#!/usr/bin/env node
// The mover by itself: the same as `barter mover`, without the rest of the command line.
import { runMover } from '@barter/agent/mover/main.ts';

await runMover(process.stdin);
