/** Procedures of the connection and of the machine that libvirtd runs on. */

import { limit, nothing, procedure } from './procedure.ts';

export type NodeInformation = Readonly<{
  model: string;
  memoryKib: bigint;
  cpus: number;
  mhz: number;
  nodes: number;
  sockets: number;
  cores: number;
  threads: number;
}>;

export const connectionProcedures = {
  open: procedure<Readonly<{ uri: string; flags: number }>>(
    'connect_open',
    1,
    (writer, { uri, flags }) => writer.optionalString(uri).uint(flags),
    nothing,
  ),
  close: procedure('connect_close', 2, nothing, nothing),
  hostname: procedure('connect_get_hostname', 59, nothing, (reader) => reader.string()),
  supportsFeature: procedure<number, boolean>(
    'connect_supports_feature',
    60,
    (writer, feature) => writer.int(feature),
    (reader) => reader.boolean(),
  ),
  authenticationList: procedure('auth_list', 66, nothing, (reader): readonly number[] =>
    reader.array(limit.authenticationTypes, 4, () => reader.int()),
  ),
  authenticationPolkit: procedure('auth_polkit', 70, nothing, (reader) => reader.boolean()),
  libraryVersion: procedure('connect_get_lib_version', 157, nothing, (reader) => reader.uhyper()),
  registerEvent: procedure<number, number>(
    'connect_domain_event_callback_register_any',
    316,
    // The optional domain stays away: events of every domain.
    (writer, event) => writer.int(event).uint(0),
    (reader) => reader.int(),
  ),
  deregisterEvent: procedure<number>(
    'connect_domain_event_callback_deregister_any',
    317,
    (writer, callback) => writer.int(callback),
    nothing,
  ),
} as const;

export const hostProcedures = {
  nodeInformation: procedure('node_get_info', 6, nothing, (reader): NodeInformation => {
    // `char model[32]` is an array of 32 XDR integers, one for each character.
    const characters = Array.from({ length: 32 }, () => reader.int());
    const end = characters.indexOf(0);
    const model = Buffer.from(characters.slice(0, end === -1 ? 32 : end)).toString('latin1');
    return {
      model,
      memoryKib: reader.uhyper(),
      cpus: reader.int(),
      mhz: reader.int(),
      nodes: reader.int(),
      sockets: reader.int(),
      cores: reader.int(),
      threads: reader.int(),
    };
  }),
  capabilities: procedure('connect_get_capabilities', 7, nothing, (reader) => reader.string()),
  domainCapabilities: procedure<
    Readonly<{
      emulator: string | null;
      architecture: string | null;
      machine: string | null;
      type: string | null;
    }>,
    string
  >(
    'connect_get_domain_capabilities',
    342,
    (writer, { emulator, architecture, machine, type }) =>
      writer
        .optionalString(emulator)
        .optionalString(architecture)
        .optionalString(machine)
        .optionalString(type)
        .uint(0),
    (reader) => reader.string(),
  ),
  networks: procedure<number, readonly string[]>(
    'connect_list_all_networks',
    283,
    (writer, flags) => writer.int(1).uint(flags),
    (reader) =>
      reader.array(limit.networks, 20, () => {
        const name = reader.string();
        reader.fixed(16);
        return name;
      }),
  ),
} as const;
