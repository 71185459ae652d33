import type { Command } from 'commander';
import type { Register } from '../register.ts';
import type { GlobalOptions } from '../session.ts';

export const register: Register = (program, session) => {
  program
    .command('agent')
    .description('the daemon: runs in the foreground until SIGTERM; systemd starts it')
    .option('--check-config', 'only read the configuration and list every problem in it')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<GlobalOptions & { checkConfig?: true }>();
      const config = await session.config(options);
      if (!config.ok) return session.end(config);
      if (options.checkConfig) {
        session.terminal.out('The configuration is valid.');
        return;
      }
      const { runAgent } = await import('@barter/agent/agent.ts');
      const { socket } = options;
      session.exitCode = await runAgent(
        socket === undefined
          ? config.value
          : { ...config.value, control: { ...config.value.control, socket } },
      );
    });
};
