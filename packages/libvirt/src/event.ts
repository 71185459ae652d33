/** Domain events that libvirtd sends on its own: which they are and how they are read. */

import { eventId } from './constants.ts';
import { type DomainReference, readDomain } from './procedure.ts';
import { readTypedParameters, type TypedParameters } from './typed-parameter.ts';
import type { XdrReader } from './xdr.ts';

export type DomainEvent =
  /** `event` is a `lifecycleEvent`, `detail` depends on it. */
  | Readonly<{ kind: 'lifecycle'; domain: DomainReference; event: number; detail: number }>
  /** A pass over the memory of a migration out of here begins. */
  | Readonly<{ kind: 'migration-iteration'; domain: DomainReference; iteration: number }>
  /** A job ended; the only place where the statistics of a finished migration can be seen at its source. */
  | Readonly<{ kind: 'job-completed'; domain: DomainReference; parameters: TypedParameters }>
  /** `namespace` names the element that changed; null for title and description. */
  | Readonly<{ kind: 'metadata-change'; domain: DomainReference; namespace: string | null }>;

export type DomainEventKind = DomainEvent['kind'];

type EventShape = Readonly<{
  kind: DomainEventKind;
  /** What it is registered by. */
  id: number;
  /** The procedure number of its message. */
  procedure: number;
  read(reader: XdrReader): DomainEvent;
}>;

const jobParametersMax = 64;

/** Each message begins with the number that its registration returned; one registration per kind makes it redundant. */
export const eventShapes: readonly EventShape[] = [
  {
    kind: 'lifecycle',
    id: eventId.lifecycle,
    procedure: 318,
    read(reader) {
      reader.int();
      const domain = readDomain(reader);
      return { kind: 'lifecycle', domain, event: reader.int(), detail: reader.int() };
    },
  },
  {
    kind: 'migration-iteration',
    id: eventId.migrationIteration,
    procedure: 359,
    read(reader) {
      reader.int();
      return { kind: 'migration-iteration', domain: readDomain(reader), iteration: reader.int() };
    },
  },
  {
    kind: 'job-completed',
    id: eventId.jobCompleted,
    procedure: 363,
    read(reader) {
      reader.int();
      const domain = readDomain(reader);
      return {
        kind: 'job-completed',
        domain,
        parameters: readTypedParameters(reader, jobParametersMax),
      };
    },
  },
  {
    kind: 'metadata-change',
    id: eventId.metadataChange,
    procedure: 379,
    read(reader) {
      reader.int();
      const domain = readDomain(reader);
      reader.int();
      return { kind: 'metadata-change', domain, namespace: reader.optionalString() };
    },
  },
];
