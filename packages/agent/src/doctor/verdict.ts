import type { Verdict } from './doctor.ts';

export function fine(message: string): Verdict[] {
  return [{ level: 'ok', message }];
}

export function warning(message: string): Verdict[] {
  return [{ level: 'warning', message }];
}

export function problem(message: string): Verdict[] {
  return [{ level: 'problem', message }];
}
