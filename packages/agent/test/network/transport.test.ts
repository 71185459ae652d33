import { transportContract } from '../../../../test/contract/transport.ts';
import { Hosts, until } from './hosts.ts';

transportContract('libp2p on 127.0.0.1', async (size) => {
  const hosts = new Hosts();
  const names = Array.from({ length: size }, (_, index) => `h${index}`);
  const all = await hosts.cluster(...names);
  return {
    transports: all.map((host) => host.network()),
    until: (condition) => until(condition, 'the transport does as it should'),
    remove: async (self) => {
      await all.find((host) => host.network().self === self)?.close();
    },
    close: () => hosts.closeAll(),
  };
});
