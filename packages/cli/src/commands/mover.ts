import type { Register } from '../register.ts';

/** Started by agents, which give it its job on standard input; of no use to people. */
export const register: Register = (program, session) => {
  program.command('mover', { hidden: true }).action(async () => {
    const { runMover } = await import('@barter/agent/mover/main.ts');
    await runMover(process.stdin);
    // It has set the exit code of the process, which is also ours.
    session.exitCode = Number(process.exitCode ?? 0);
  });
};
