import { type Command, InvalidArgumentError } from 'commander';
import type { Register } from '../program.ts';

export const register: Register = (program, session) => {
  program
    .command('demo')
    .description('a cluster of real agents on simulated hosts, shown live; ends within two minutes')
    .option('--hosts <count>', 'agents to start', count(2, 32), 6)
    .option('--domains <count>', 'virtual machines to simulate', count(2, 512), 24)
    .option('--json', 'one JSON document with the summary')
    .action(async (_options, command: Command) => {
      const { hosts, domains, json } = command.opts<{
        hosts: number;
        domains: number;
        json?: true;
      }>();
      const { runDemo } = await import('../demo/run-demo.ts');
      session.exitCode = await runDemo({ hosts, domains, json: json === true });
    });
};

function count(min: number, max: number) {
  return (text: string): number => {
    const value = Number(text);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}.`);
  };
}
