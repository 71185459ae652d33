import type { PeerView } from '@barter/agent/api.ts';
import { cores, duration, percent, rate, shortId } from '../format.ts';
import { registerList } from '../read.ts';
import type { Register } from '../register.ts';

export const register: Register = (program, session) =>
  registerList(program, session, {
    name: 'peers',
    description: 'the members of the cluster, as this host knows them',
    empty: 'This host is the only member: run `barter invite` here and `barter join` on another.',
    columns: () => [
      { head: 'NAME', cell: ({ name, host }) => name || shortId(host), flexible: true },
      { head: 'HOST', cell: ({ host }) => shortId(host) },
      { head: 'STATE', cell: stateOf },
      { head: 'MODE', cell: ({ mode }) => mode ?? '-' },
      { head: 'LOCATION', cell: ({ location }) => location.join('/') || '-', flexible: true },
      { head: 'VMS', cell: ({ domains }) => String(domains ?? '-'), right: true },
      {
        head: 'MEMORY',
        cell: ({ load, capacity }) =>
          load && capacity ? percent(load.memoryBytes, capacity.memoryBytes) : '-',
        right: true,
      },
      {
        head: 'CPU',
        cell: ({ load, capacity }) =>
          load && capacity ? `${cores(load.cpu)}/${capacity.vcpus}` : '-',
        right: true,
      },
      { head: 'NIC', cell: ({ load }) => (load ? rate(load.nicBitsPerSecond) : '-'), right: true },
      {
        head: 'HEARD',
        cell: ({ summaryAgeSeconds: age }) => (age === null ? 'never' : `${duration(age)} ago`),
      },
    ],
  });

function stateOf({ connected, stopped, distrust }: PeerView): string {
  if (distrust !== null) return `distrusted (${duration(distrust.forSeconds)})`;
  if (!connected) return 'unreachable';
  return stopped ? 'stopped' : 'connected';
}
