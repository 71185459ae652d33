/** Works out a whole lab before anything is made: names, addresses, who runs where and who talks to whom. */

import type { LabOptions } from './options.ts';
import type { ProcessRecord } from './process.ts';
import { seeded, shuffled } from './random.ts';
import {
  bootId,
  type GuestState,
  type HostState,
  type LabState,
  labDirectory,
  type PairState,
} from './state.ts';

/** Hosts are 10.77.0.N, guests 10.77.1.N and up, the switch 10.77.255.254: one network, known only inside. */
export function planLab(options: LabOptions, owner: ProcessRecord | null): LabState {
  const directory = labDirectory(options.name);
  const hosts = Array.from({ length: options.hosts }, (_, index): HostState => {
    const id = `h${index + 1}`;
    return {
      id,
      address: `10.77.0.${index + 1}`,
      namespace: `${options.name}-${id}`,
      directory: `${directory}/${id}`,
      holder: null,
      virtlogd: null,
      libvirtd: null,
      agent: null,
      agentWanted: false,
    };
  });
  const homes = place(options);
  const guests = Array.from({ length: options.domains }, (_, index) => planGuest(index, homes));
  return {
    version: 1,
    options,
    bootId: bootId(),
    owner,
    directory,
    switchNamespace: `${options.name}-switch`,
    switchAddress: '10.77.255.254',
    phase: 'starting',
    hosts,
    guests,
    pairs: planPairs(options),
  };
}

function planGuest(index: number, homes: readonly number[]): GuestState {
  const number = index + 1;
  const hex = number.toString(16).padStart(4, '0');
  return {
    id: `vm${number}`,
    uuid: `ba27e400-0000-4000-8000-00000000${hex}`,
    mac: `52:54:00:77:${hex.slice(0, 2)}:${hex.slice(2)}`,
    address: `10.77.${1 + Math.floor(number / 250)}.${1 + (number % 250)}`,
    startedOn: `h${(homes[index] ?? 0) + 1}`,
  };
}

/** vm1 talks to vm2, vm3 to vm4, …; the last of an odd number talks to nobody. */
function planPairs(options: LabOptions): PairState[] {
  return Array.from({ length: Math.floor(options.domains / 2) }, (_, index) => ({
    a: `vm${2 * index + 1}`,
    b: `vm${2 * index + 2}`,
    bitsPerSecond: options.pairBitsPerSecond,
  }));
}

/** The index of each guest's first host; every host gets the same number of guests, give or take one. */
function place(options: LabOptions): readonly number[] {
  const slots = Array.from({ length: options.domains }, (_, index) => index % options.hosts);
  switch (options.placement) {
    case 'split':
      return slots;
    case 'together':
      return slots.map((_, index) => Math.floor(index / 2) % options.hosts);
    case 'random':
      return shuffled(slots, seeded(options.seed));
  }
}

/** The cgroup of a host with a systemd of its own (systemd/machine.ts), below the root. */
export function cgroupName(lab: Pick<LabState, 'options'>, host: Pick<HostState, 'id'>): string {
  return `barter-lab-${lab.options.name}-${host.id}`;
}
