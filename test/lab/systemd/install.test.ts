import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LabError } from '../process.ts';
import { installCommands } from './cluster.ts';

describe('what the systemd lab installs with', () => {
  it('is what docs/operating.md tells an operator, after the build', () => {
    const guide = readFileSync(new URL('../../../docs/operating.md', import.meta.url), 'utf8');
    const commands = installCommands(guide).split('\n');
    expect(commands.every((command) => /^(install|ln) /.test(command))).toBe(true);
    expect(commands.some((command) => command.includes('barter.service'))).toBe(true);
  });

  it('is nothing, when the guide has no such block', () => {
    expect(() => installCommands('## Look\n')).toThrow(LabError);
  });
});
