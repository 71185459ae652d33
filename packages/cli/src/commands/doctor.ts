import type { Finding } from '@barter/agent/api.ts';
import type { Result } from '@barter/agent/result.ts';
import type { Command } from 'commander';
import { plural } from '../format.ts';
import type { Register } from '../register.ts';
import type { GlobalOptions, Session } from '../session.ts';
import { type Style, styled, type Terminal } from '../terminal.ts';

type DoctorOptions = GlobalOptions & Readonly<{ peer?: string; json?: true }>;

export const register: Register = (program, session) => {
  program
    .command('doctor')
    .description('what would keep this host from measuring, bartering or migrating')
    .option('--peer <name>', 'ask the agent of another host')
    .option('--json', 'one JSON document')
    .action(async (_options, command: Command) => {
      const options = command.optsWithGlobals<DoctorOptions>();
      const findings = await diagnose(session, options);
      if (findings.ok) show(session, findings.value, options);
      session.end(findings.ok ? verdict(findings.value) : findings);
    });
};

/** What this machine shows, and what the agent knows besides; of another host what its agent says. */
async function diagnose(
  session: Session,
  options: DoctorOptions,
): Promise<Result<readonly Finding[]>> {
  const client = await session.client(options);
  if (options.peer !== undefined) {
    return client.ok ? client.value.view('doctor', { peer: options.peer }) : client;
  }
  const { examineHost } = await import('@barter/agent/doctor/examine-host.ts');
  const asked = client.ok ? await client.value.view('doctor') : client;
  const local = await examineHost({
    agentRunning: asked.ok,
    ...(options.config === undefined ? {} : { configPath: options.config }),
    ...(options.socket === undefined ? {} : { socketPath: options.socket }),
  });
  if (!asked.ok) return { ok: true, value: local };
  // Of what both have looked at, the agent knows better: it runs with the rights that count.
  const known = new Set(asked.value.map(({ check }) => check));
  return {
    ok: true,
    value: [...local.filter(({ check }) => !known.has(check)), ...asked.value],
  };
}

function show(session: Session, findings: readonly Finding[], options: DoctorOptions): void {
  if (options.json) {
    session.json(findings);
    return;
  }
  const width = Math.max(...findings.map(({ check }) => check.length));
  for (const { check, level, message } of findings) {
    session.terminal.out(`${sign(session.terminal, level)}  ${check.padEnd(width)}  ${message}`);
  }
}

const styles: Readonly<Record<Finding['level'], Style>> = {
  ok: 'green',
  warning: 'yellow',
  problem: 'red',
};

function sign(terminal: Terminal, level: Finding['level']): string {
  return styled(terminal, styles[level], level.padEnd('warning'.length));
}

function verdict(findings: readonly Finding[]): Result<null> {
  const problems = findings.filter(({ level }) => level === 'problem').length;
  if (problems === 0) return { ok: true, value: null };
  return {
    ok: false,
    code: 'unhealthy',
    message: `${plural(problems, 'problem')} found, see above`,
  };
}
