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
 * have found out what the target did. Only the agent, who then closes the way, makes libvirt resume. What happens when
 * this process is killed meanwhile is not this file's business: the guest's QEMU stands still (standstill.ts).
 */

import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { isOrderToRun } from './rpc-filter.ts';
import { type RpcFrame, RpcFrameSplitter, rpcHeaderBytes } from './rpc-frame.ts';

const keepaliveProgram = 0x6b65_6570;
const replyType = 1;
const messageType = 2;
/** REMOTE_MIGRATE_COOKIE_MAX is 4 MiB, and the largest part of a migration's frames. */
const frameBytesMax = 8 * 1024 * 1024;

export type OrderState = 'none' | 'pending' | 'held';

export type OrderWatch = Readonly<{
  /** Before the order goes on to the target. When it throws, the order does not, and libvirtd's connection breaks. */
  onOrder(): void;
  /** Its answer has been handed to libvirtd. */
  onAnswered(): void;
  /** Every new state; `none` in the end. */
  onChange(state: OrderState): void;
}>;

export class OrderGuard extends Duplex {
  readonly #near: Socket;
  readonly #watch: OrderWatch;
  readonly #calls = new Watched();
  readonly #answers = new Watched();
  #serial: number | undefined;
  #state: OrderState = 'none';

  /** `near` is libvirtd's connection. */
  constructor(near: Socket, watch: OrderWatch) {
    super({ allowHalfOpen: true });
    this.#near = near;
    this.#watch = watch;
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
    const frames = this.#answers.push(chunk);
    const isAnswer = ({ type, serial }: RpcFrame) => type === replyType && serial === this.#serial;
    const isAnswered = this.#state !== 'none' && frames.some(isAnswer);
    this.#near.write(chunk, (error) => {
      // What libvirtd has not got it does not know: to it, the answer is lost.
      if (isAnswered && !error) this.#answered();
      done(error);
    });
  }

  #answered(): void {
    this.#watch.onAnswered();
    this.#enter('none');
    if (this.destroyed) this.#near.destroy();
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
    for (const frame of this.#calls.push(chunk)) {
      if (isOrderToRun(frame)) {
        if (!this.#mayPass()) return;
        this.#serial = frame.serial;
        this.#enter('pending');
      } else if (this.#state !== 'none' && isPing(frame)) this.#near.write(pong);
    }
    if (this.#state === 'held' || this.destroyed) return;
    if (!this.push(chunk)) this.#near.pause();
  }

  #mayPass(): boolean {
    try {
      this.#watch.onOrder();
      return true;
    } catch (error) {
      this.#near.destroy();
      this.destroy(error as Error);
      return false;
    }
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
    this.#watch.onChange(state);
  }
}

/** The frames of one direction; of one that speaks something else, none more, and nothing is kept of it. */
class Watched {
  #splitter: RpcFrameSplitter | undefined = new RpcFrameSplitter(() => frameBytesMax);

  push(chunk: Buffer): readonly RpcFrame[] {
    const split = this.#splitter?.push(chunk);
    if (split?.ok === false) this.#splitter = undefined;
    return split?.frames ?? [];
  }
}

function isPing({ program, procedure, type }: RpcFrame): boolean {
  return program === keepaliveProgram && procedure === 1 && type === messageType;
}

/** src/rpc/virkeepaliveprotocol.x: a header alone. */
const pong = Buffer.alloc(rpcHeaderBytes);
for (const [index, word] of [rpcHeaderBytes, keepaliveProgram, 1, 2, messageType, 0, 0].entries())
  pong.writeUInt32BE(word, 4 * index);
