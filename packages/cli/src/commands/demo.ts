import { type Command, InvalidArgumentError } from 'commander';
import type { Register } from '../register.ts';

export const register: Register = (program, session) => {
  program
    .command('demo')
    .description('a cluster of real agents on simulated hosts, live; ends by itself')
    .option('--hosts <n>', 'how many hosts, each with an agent of its own', count(2, 16), 5)
    .option('--domains <n>', 'how many VMs', count(2, 200), 20)
    .option('--json', 'one JSON document at the end, events on standard error')
    .action(async (options: { hosts: number; domains: number; json?: true }, command: Command) => {
      const { runDemo } = await import('../demo/run-demo.ts');
      const json = options.json ?? command.optsWithGlobals<{ json?: true }>().json ?? false;
      session.exitCode = await runDemo({
        ...options,
        json,
        terminal: session.terminal,
        run: session.run,
      });
    });
};

function count(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`expected a whole number from ${least} to ${most}.`);
  };
}
