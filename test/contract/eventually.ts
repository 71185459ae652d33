/** Waits until a condition holds, and fails after a deadline that only a broken program reaches. */

import { setTimeout as pause } from 'node:timers/promises';

const deadlineMs = 15_000;

export async function eventually(holds: () => boolean): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!holds()) {
    if (Date.now() > deadline) throw new Error(`this never became true: ${holds}`);
    await pause(5);
  }
}
