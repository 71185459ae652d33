/** What libvirt says about the machine it runs on. */

import type { Caller } from './connection.ts';
import { connectionProcedures, hostProcedures, type NodeInformation } from './host-procedures.ts';

export class HostApi {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  nodeInformation(): Promise<NodeInformation> {
    return this.#caller.call(hostProcedures.nodeInformation, undefined);
  }

  hostname(): Promise<string> {
    return this.#caller.call(connectionProcedures.hostname, undefined);
  }

  /** libvirt's version as one number: major · 1,000,000 + minor · 1,000 + release. */
  async libraryVersion(): Promise<number> {
    return Number(await this.#caller.call(connectionProcedures.libraryVersion, undefined));
  }

  /** The capabilities of the host as XML. The first call after a start of libvirtd may take seconds. */
  capabilities(): Promise<string> {
    return this.#caller.call(hostProcedures.capabilities, undefined);
  }

  /** What domains of this kind may have, as XML; null leaves the choice to libvirt. */
  domainCapabilities(
    kind: Readonly<{
      emulator?: string | null;
      architecture?: string | null;
      machine?: string | null;
      type?: string | null;
    }> = {},
  ): Promise<string> {
    return this.#caller.call(hostProcedures.domainCapabilities, {
      emulator: kind.emulator ?? null,
      architecture: kind.architecture ?? null,
      machine: kind.machine ?? null,
      type: kind.type ?? null,
    });
  }

  /** The names of the virtual networks that are active. */
  activeNetworks(): Promise<readonly string[]> {
    const active = 2;
    return this.#caller.call(hostProcedures.networks, active);
  }
}
