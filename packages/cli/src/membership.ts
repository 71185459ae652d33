/** What `barter init` and `barter join` share: both work on this host's files, without a running agent. */

import type { Config } from '@barter/agent/config/schema.ts';
import { hostNameOf } from '@barter/agent/host-name.ts';
import type { MembershipOptions } from '@barter/agent/network/join.ts';

export function membershipOptions(config: Config): MembershipOptions {
  return {
    keyFile: config.cluster.keyFile,
    stateDirectory: config.stateDirectory,
    name: hostNameOf(config),
    clock: { nowMs: () => Date.now() },
  };
}
