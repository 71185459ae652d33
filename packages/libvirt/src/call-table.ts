/**
 * The calls of one connection: those waiting to be sent, and those sent and not answered. Each ends
 * exactly once. A call that timed out keeps its place until its late answer arrives, because libvirtd
 * is still working on it.
 */

import { LibvirtError, type LibvirtErrorKind } from './error.ts';
import type { Procedure } from './procedure.ts';
import { XdrReader } from './xdr.ts';

type AnyProcedure = Pick<Procedure<never, unknown>, 'name' | 'number'>;

type PendingCall = {
  readonly procedure: AnyProcedure;
  readonly payload: Buffer;
  readonly timer: NodeJS.Timeout;
  /** Undefined once it has timed out. */
  settle: { answer(payload: Buffer): void; reject(error: LibvirtError): void } | undefined;
};

type Send = (procedure: AnyProcedure, serial: number, payload: Buffer) => boolean;

const serialMax = 0xffff_ffff;

export class CallTable {
  readonly #sentMax: number;
  readonly #send: Send;
  readonly #stuck: () => void;
  /** In order of arrival; a Set, so that a call that times out while waiting leaves in constant time. */
  readonly #waiting = new Set<PendingCall>();
  readonly #sent = new Map<number, PendingCall>();
  #lastSerial = 0;

  /** `stuck` is called when every place is held by a call that timed out: nothing more can be sent. */
  constructor(sentMax: number, send: Send, stuck: () => void) {
    this.#sentMax = sentMax;
    this.#send = send;
    this.#stuck = stuck;
  }

  /** Sends the call when there is a place for it. Rejects with a `LibvirtError`. */
  add<Arguments, Reply>(
    procedure: Procedure<Arguments, Reply>,
    args: Arguments,
    timeoutMs: number,
  ): Promise<Reply> {
    let payload: Buffer;
    try {
      payload = procedure.encode(args);
    } catch (error) {
      return Promise.reject(new LibvirtError('protocol', procedure.name, describe(error)));
    }
    return new Promise((resolve, reject) => {
      const call: PendingCall = {
        procedure,
        payload,
        timer: setTimeout(() => this.#timeOut(call, timeoutMs), timeoutMs),
        settle: {
          answer: (bytes) => {
            try {
              resolve(procedure.decode(bytes));
            } catch (error) {
              reject(new LibvirtError('protocol', procedure.name, describe(error)));
            }
          },
          reject,
        },
      };
      this.#waiting.add(call);
      this.#sendNext();
    });
  }

  answer(serial: number, succeeded: boolean, payload: Buffer): void {
    const call = this.#sent.get(serial);
    if (call === undefined) return;
    this.#sent.delete(serial);
    clearTimeout(call.timer);
    if (succeeded) call.settle?.answer(payload);
    else call.settle?.reject(readError(call.procedure.name, payload));
    this.#sendNext();
  }

  rejectAll(kind: LibvirtErrorKind, detail: string): void {
    const calls = [...this.#sent.values(), ...this.#waiting];
    this.#sent.clear();
    this.#waiting.clear();
    for (const call of calls) {
      clearTimeout(call.timer);
      call.settle?.reject(new LibvirtError(kind, call.procedure.name, detail));
    }
  }

  #timeOut(call: PendingCall, timeoutMs: number): void {
    const waited = this.#waiting.delete(call);
    const detail = waited
      ? `${call.procedure.name} could not be sent within ${timeoutMs} ms: libvirtd is busy with earlier calls`
      : `${call.procedure.name} was not answered within ${timeoutMs} ms`;
    call.settle?.reject(new LibvirtError('timeout', call.procedure.name, detail));
    call.settle = undefined;
    const abandoned = [...this.#sent.values()].filter((sent) => sent.settle === undefined);
    if (abandoned.length >= this.#sentMax) this.#stuck();
  }

  #sendNext(): void {
    for (const call of this.#waiting) {
      if (this.#sent.size >= this.#sentMax) return;
      this.#waiting.delete(call);
      const serial = this.#nextSerial();
      this.#sent.set(serial, call);
      if (!this.#send(call.procedure, serial, call.payload)) {
        this.#sent.delete(serial);
        clearTimeout(call.timer);
        call.settle?.reject(
          new LibvirtError(
            'protocol',
            call.procedure.name,
            `${call.payload.length} bytes do not fit into one message to libvirtd`,
          ),
        );
      }
    }
  }

  /** Serials start again at 1 after 2³² calls; one that is still under way is left out. */
  #nextSerial(): number {
    do {
      this.#lastSerial = this.#lastSerial === serialMax ? 1 : this.#lastSerial + 1;
    } while (this.#sent.has(this.#lastSerial));
    return this.#lastSerial;
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** remote_error: its first three fields say all that callers need. */
function readError(procedure: string, payload: Buffer): LibvirtError {
  try {
    const reader = new XdrReader(payload);
    const code = reader.int();
    const domain = reader.int();
    const message = reader.optionalString() ?? `libvirt error ${code} without a message`;
    return new LibvirtError('refused', procedure, message, { code, domain });
  } catch (error) {
    return new LibvirtError('protocol', procedure, `unreadable error: ${describe(error)}`);
  }
}
