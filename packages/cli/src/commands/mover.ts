import type { Register } from '../program.ts';

/** Started by agents, which give it its job on standard input; of no use to people. */
export const register: Register = (program) => {
  program.command('mover', { hidden: true }).action(async () => {
    const { runMover } = await import('@barter/agent/mover/main.ts');
    await runMover(process.stdin);
  });
};
