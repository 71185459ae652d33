/**
 * Makes a libp2p service deaf to strangers: their streams to its protocols are reset, and it is not
 * told of their connections. Done by handing the service a registrar of ours, because libp2p's own stream
 * middleware (3.3) adds the handler to the middleware's list anew for every stream that comes in.
 */

import type {
  Connection,
  PeerId,
  Stream,
  StreamHandler,
  StreamHandlerOptions,
  Topology,
} from '@libp2p/interface';

/** Who may connect, and who may open one more stream. */
export type Guard = Readonly<{
  admits: (peer: PeerId) => boolean;
  admitsStream: (peer: PeerId) => boolean;
}>;

type Registrar = {
  handle(protocol: string, handler: StreamHandler, options?: StreamHandlerOptions): Promise<void>;
  register(protocol: string, topology: Topology): Promise<string>;
};

/** The same service factory, with a guard in front of its protocols. */
export function membersOnly<Components extends { registrar: object }, Service>(
  factory: (components: Components) => Service,
  guard: Guard,
): (components: Components) => Service {
  return (components) => {
    const registrar = guarded(components.registrar as Registrar, guard);
    return factory(
      new Proxy(components, {
        get: (target, key) => (key === 'registrar' ? registrar : Reflect.get(target, key)),
      }),
    );
  };
}

/** The handler, for streams of members only. */
export function guardHandler(
  handler: StreamHandler,
  admitsStream: Guard['admitsStream'],
): StreamHandler {
  return (stream: Stream, connection: Connection) => {
    if (admitsStream(connection.remotePeer)) return handler(stream, connection);
    stream.abort(new Error('not a member'));
  };
}

function guarded(registrar: Registrar, { admits, admitsStream }: Guard): Registrar {
  const overrides: Registrar = {
    handle: (protocol, handler, options) =>
      registrar.handle(protocol, guardHandler(handler, admitsStream), options),
    register: (protocol, topology) =>
      registrar.register(protocol, {
        ...topology,
        onConnect: (peer, connection) => {
          if (admits(peer)) topology.onConnect?.(peer, connection);
        },
      }),
  };
  return new Proxy(registrar, {
    get: (target, key) => {
      if (key === 'handle' || key === 'register') return overrides[key];
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
