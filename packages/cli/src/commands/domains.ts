import { bytes, cores, rate, shortId } from '../format.ts';
import { registerList } from '../read.ts';
import type { Register } from '../register.ts';

export const register: Register = (program, session) =>
  registerList(program, session, {
    name: 'domains',
    description: 'virtual machines at home here, and those whose claim is held here',
    empty: 'No virtual machine is running here, and no claim is held here.',
    columns: () => [
      { head: 'NAME', cell: ({ name }) => name, flexible: true },
      { head: 'HOME', cell: ({ home }) => shortId(home) },
      { head: 'CLAIM', cell: ({ home, holder }) => (home === holder ? 'home' : shortId(holder)) },
      { head: 'MEMORY', cell: ({ memoryBytes }) => bytes(memoryBytes), right: true },
      { head: 'VCPUS', cell: ({ vcpus }) => String(vcpus), right: true },
      { head: 'CPU', cell: ({ cpu }) => cores(cpu), right: true },
      { head: 'TRAFFIC', cell: ({ bitsPerSecond }) => rate(bitsPerSecond), right: true },
      { head: 'STAYS BECAUSE', cell: ({ held }) => held ?? '-', flexible: true },
    ],
  });
