import { hostname } from 'node:os';
import type { Config } from './config/schema.ts';

/** The name by which people know this host: configured, or the first label of the system's host name. */
export function hostNameOf(config: Pick<Config, 'name'>): string {
  if (config.name !== 'auto') return config.name;
  return hostname().split('.')[0] || hostname();
}
