/** Checks of the agent's own files and sockets: key, roster, ports, control socket. */

import { join } from 'node:path';
import { type Check, fine, problem, warning } from './check.ts';

/** Where the network keeps the roster of members, within the state directory. */
export const rosterFile = 'roster.json';

const key: Check = {
  name: 'key',
  async run({ config, probes }) {
    const path = config.cluster.keyFile;
    const found = await probes.stat(path);
    if (!found) {
      return probes.isRoot
        ? problem(
            `${path} is not there: run \`barter init\` for the first host, \`barter join TICKET\` for every other`,
          )
        : warning(`${path} is out of this user's reach; run the doctor as root to look further`);
    }
    return (found.mode & 0o077) === 0
      ? fine(`${path} is readable by its owner alone`)
      : problem(
          `${path} has mode ${found.mode.toString(8).padStart(4, '0')}, so others can speak as this host: chmod 600 ${path}`,
        );
  },
};

const roster: Check = {
  name: 'roster',
  async run({ config, probes }) {
    const path = join(config.stateDirectory, rosterFile);
    const found = await probes.read(path);
    if (found.kind === 'text') return fine('this host is a member of a cluster');
    if (found.kind === 'forbidden' || !probes.isRoot) {
      return warning(`${path} is out of this user's reach; run the doctor as root to look further`);
    }
    return problem('this host belongs to no cluster: run `barter init`, or `barter join TICKET`');
  },
};

const ports: Check = {
  name: 'ports',
  async run({ config, probes, agentRunning }) {
    const verdicts = await Promise.all(
      config.listen.map(async (address) => {
        const [, kind = '', host = '', , port = ''] = address.split('/');
        if (!kind.startsWith('ip')) return [];
        const state = await probes.tryListen(host, Number(port));
        if (state === 'unavailable') {
          return problem(
            `${address}: this host has no such address, or may not use that port; see listen`,
          );
        }
        if (agentRunning) {
          return state === 'in-use'
            ? fine(`the agent listens at ${address}`)
            : warning(
                `the agent does not listen at ${address}: restart it if the configuration changed`,
              );
        }
        return state === 'free'
          ? fine(`${address} is free`)
          : problem(`${address} is used by another program: stop it, or change listen`);
      }),
    );
    return verdicts.flat();
  },
};

const control: Check = {
  name: 'control',
  run({ config, agentRunning }) {
    return agentRunning
      ? fine(`the agent answers at ${config.control.socket}`)
      : problem(
          `no agent answers at ${config.control.socket}: \`systemctl start barter\`, and \`journalctl -u barter\` if that fails`,
        );
  },
};

export const agentChecks: readonly Check[] = [key, roster, ports, control];
