/**
 * Stands between the source's libvirtd and the way to the target while a migration ends.
 *
 *   open ── the order to run the domain passes ──▶ pending ── its answer passes ──▶ open
 *                                                  pending ── the way breaks ─────▶ held ── libvirtd or the agent ends it
 *
 * libvirt takes a lost answer to that order for "it does not run there" and resumes the source's copy
 * (qemu_migration.c, `qemuMigrationSrcPerformPeer2Peer3`: "There is a small chance that … ddom could in fact be
 * running on the dest"). The rule here: whoever has passed the order on does not let libvirtd see the way break. Its
 * connection stays open and its keepalives are answered, so that it waits, with the guest paused, until the agents
 * have found out what the target did. Only the agent, who then closes the way, makes libvirt resume.
 */

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { isOrderToRun } from './rpc-filter.ts';
import { type RpcFrame, RpcFrameSplitter, rpcHeaderBytes } from './rpc-frame.ts';

const keepaliveProgram = 0x6b65_6570;
const replyType = 1;
const messageType = 2;
/** VIR_NET_MESSAGE_MAX is 32 MiB; a migration's frames are far below. */
const frameBytesMax = 32 * 1024 * 1024;

export type OrderState = 'none' | 'pending' | 'held';

export class OrderGuard extends Duplex {
  readonly #near: Socket;
  readonly #onChange: (state: OrderState) => void;
  readonly #calls = new RpcFrameSplitter(() => frameBytesMax);
  readonly #answers = new RpcFrameSplitter(() => frameBytesMax);
  #serial: number | undefined;
  #state: OrderState = 'none';

  /** `near` is libvirtd's connection; `onChange` is told of every new state, in the end of `none`. */
  constructor(near: Socket, onChange: (state: OrderState) => void) {
    super({ allowHalfOpen: true });
    this.#near = near;
    this.#onChange = onChange;
    near.on('data', (chunk: Buffer) => this.#fromLibvirt(chunk));
    near.once('end', () => {
      if (this.#state === 'held') near.destroy();
      else if (!this.destroyed) this.push(null);
    });
    near.once('close', () => {
      this.#enter('none');
      this.destroy();
    });
  }

  override _read(): void {
    this.#near.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void) {
    for (const frame of this.#answers.push(chunk).frames)
      if (frame.type === replyType && frame.serial === this.#serial) this.#enter('none');
    this.#near.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#state === 'none') this.#near.end();
    else this.#hold();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.#state === 'none') this.#near.destroy();
    else this.#hold();
    done(error);
  }

  #fromLibvirt(chunk: Buffer): void {
    for (const frame of this.#calls.push(chunk).frames) {
      if (isOrderToRun(frame)) {
        this.#serial = frame.serial;
        this.#enter('pending');
      } else if (this.#state !== 'none' && isPing(frame)) this.#near.write(pong);
    }
    if (this.#state === 'held' || this.destroyed) return;
    if (!this.push(chunk)) this.#near.pause();
  }

  #hold(): void {
    this.#enter('held');
    // Nobody reads for the target any more, and libvirtd's keepalives want to be heard.
    if (this.#near.readableEnded) this.#near.destroy();
    else this.#near.resume();
  }

  #enter(state: OrderState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#onChange(state);
  }
}

function isPing({ program, procedure, type }: RpcFrame): boolean {
  return program === keepaliveProgram && procedure === 1 && type === messageType;
}

/** src/rpc/virkeepaliveprotocol.x: a header alone. */
const pong = Buffer.alloc(rpcHeaderBytes);
for (const [index, word] of [rpcHeaderBytes, keepaliveProgram, 1, 2, messageType, 0, 0].entries())
  pong.writeUInt32BE(word, 4 * index);
