/**
 * `npm run bench:hostile -- [--seconds N] [--attack NAME|none]`: what each attack of one member costs another one, in
 * milliseconds of its processor per second of attack, and how long it takes to answer its own operator meanwhile.
 */

import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { attacks, keepAttacking } from './attacks.ts';
import { startVictim, type Victim } from './victim.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    attack: { type: 'string', multiple: true },
  },
});
const seconds = Number(values.seconds);
const chosen = attacks.filter(({ name }) => values.attack?.includes(name) ?? true);

/** How long `barter status` takes, asked ten times a second until the time is up: the longest. */
async function slowestAnswerMs(victim: Victim, isOver: () => boolean): Promise<number> {
  let slowestMs = 0;
  while (!isOver()) {
    const askedAtMs = performance.now();
    const answer = await victim.client.view('status');
    slowestMs = Math.max(slowestMs, answer.ok ? performance.now() - askedAtMs : Infinity);
    await pause(100);
  }
  return slowestMs;
}

async function measure(
  victim: Victim,
  attack: (
    isOver: () => boolean,
  ) => Promise<Readonly<{ knocks: number; letIn: number; proposals: number }>>,
) {
  const endsAtMs = performance.now() + seconds * 1000;
  const isOver = () => performance.now() > endsAtMs;
  const linesBefore = victim.logged().length;
  const [cpuBefore, beganAtMs] = [victim.cpuMs(), performance.now()];
  const [{ knocks, letIn, proposals }, slowestMs] = await Promise.all([
    attack(isOver),
    slowestAnswerMs(victim, isOver),
  ]);
  const tookSeconds = (performance.now() - beganAtMs) / 1000;
  const lines = victim.logged().slice(linesBefore);
  const named = (wanted: string) => lines.filter(({ code }) => code === wanted).length;
  return {
    'CPU ms/s': Math.round((victim.cpuMs() - cpuBefore) / tookSeconds),
    'slowest answer ms': Math.round(slowestMs),
    distrusted: named('peer-distrusted'),
    'shut out': named('peer-shut-out'),
    proposals,
    knocks,
    'let in': letIn,
    'log lines': lines.length,
    'RSS MB': Math.round(victim.residentBytes() / 1e6),
  };
}

const rows: Record<string, unknown>[] = [];
const isAttacked = values.attack !== undefined && !values.attack.includes('none');
for (const attack of isAttacked ? chosen : [undefined, ...chosen]) {
  // A fresh one for each: nobody is shut out yet, nothing is left over.
  const victim = await startVictim(60, 'info', attack?.needsTrade);
  try {
    await pause(2000);
    const row =
      attack === undefined
        ? await measure(victim, async (isOver) => {
            while (!isOver()) await pause(50);
            return { knocks: 0, letIn: 0, proposals: 0 };
          })
        : await measure(victim, (isOver) => keepAttacking(victim, attack, isOver));
    rows.push({ attack: attack?.name ?? '(none)', ...row });
    process.stderr.write(`${JSON.stringify(rows.at(-1))}\n`);
  } finally {
    await victim.close();
  }
}
console.table(rows);
