/**
 * Watches every QEMU of a lab all the time: processes from /proc, what they do from their own monitors, never from an
 * agent or a libvirtd. Tells of the moments of migrations, so that faults can be aimed at them.
 */

import { readFileSync } from 'node:fs';
import { monitorSocket } from '../guest.ts';
import { outside } from '../host.ts';
import { processesIn } from '../network.ts';
import { isAlive, type ProcessRecord } from '../process.ts';
import type { HostState, LabState } from '../state.ts';
import { type Life, note, noteEnd, runsNow, type Unsettled, unsettled } from './lives.ts';
import type { Moment } from './plan.ts';
import { type QmpConnection, watchQemu } from './qmp.ts';

/** A migration as the QEMUs show it. */
export type Migration = Readonly<{ guest: string; source: string; target: string; atMs: number }>;
export type MomentNews = Readonly<{ moment: Moment; migration: Migration }>;

type Watched = {
  readonly life: Life;
  readonly record: ProcessRecord;
  monitor: QmpConnection | null;
  /** When its process was first seen gone. */
  goneAtMs: number | null;
};

const scanEveryMs = 150;

export class QemuWatch {
  readonly lives: Life[] = [];
  readonly #lab: LabState;
  readonly #onMoment: (news: MomentNews) => void;
  readonly #watched = new Map<number, Watched>();
  readonly #timer: NodeJS.Timeout;

  constructor(lab: LabState, onMoment: (news: MomentNews) => void) {
    this.#lab = lab;
    this.#onMoment = onMoment;
    this.#scan();
    this.#timer = setInterval(() => this.#scan(), scanEveryMs);
  }

  end(): void {
    clearInterval(this.#timer);
    for (const { monitor } of this.#watched.values()) monitor?.close();
    this.#watched.clear();
  }

  /** The living QEMUs of a guest. */
  livingOf(guest: string): readonly Life[] {
    return this.lives.filter((life) => life.guest === guest && life.endedAtMs === null);
  }

  /** The guests whose migrations are not over. */
  get unsettled(): readonly Unsettled[] {
    return this.#lab.guests.flatMap(({ id }) => unsettled(this.lives, id) ?? []);
  }

  #scan(): void {
    for (const host of this.#lab.hosts) {
      for (const record of processesIn(host.namespace)) {
        if (this.#watched.has(record.pid)) continue;
        const guest = guestOf(record.pid);
        if (guest !== undefined) this.#found(host, guest, record);
      }
    }
    for (const watched of this.#watched.values()) {
      if (isAlive(watched.record)) {
        if (watched.monitor === null) this.#listen(watched);
        continue;
      }
      watched.goneAtMs ??= Date.now();
      // What it said last may not be read yet; its monitor closes by itself after that.
      if (watched.monitor === null) this.#ended(watched);
    }
  }

  #found(host: HostState, guest: string, record: ProcessRecord): void {
    const life: Life = {
      guest,
      host: host.id,
      pid: record.pid,
      seenAtMs: Date.now(),
      spans: [],
      endedAtMs: null,
    };
    const source = this.livingOf(guest).find(runsNow);
    this.lives.push(life);
    this.#watched.set(record.pid, { life, record, monitor: null, goneAtMs: null });
    if (source) this.#tell('arriving', source, life);
  }

  #listen(watched: Watched): void {
    const { life } = watched;
    const host = this.#lab.hosts.find(({ id }) => id === life.host);
    const guest = this.#lab.guests.find(({ id }) => id === life.guest);
    if (!host || !guest) return;
    const monitor = watchQemu(
      outside(host, monitorSocket(guest)),
      ({ running, atMs }) => this.#heard(life, running, atMs),
      () => {
        // QEMU had not made its socket yet, or is ending: looked at again with the next scan.
        if (watched.monitor === monitor) watched.monitor = null;
        if (!isAlive(watched.record)) this.#ended(watched);
      },
    );
    watched.monitor = monitor;
  }

  #heard(life: Life, running: boolean, atMs: number): void {
    const before = runsNow(life);
    note(life, running, atMs);
    if (before === running) return;
    const other = this.livingOf(life.guest).find((one) => one !== life);
    if (!other) return;
    if (!running && other.spans.length === 0) this.#tell('stopped', life, other);
    if (running && other.spans.length > 0 && life.spans.length === 1)
      this.#tell('resumed', other, life);
  }

  #ended({ life, record, goneAtMs }: Watched): void {
    noteEnd(life, goneAtMs ?? Date.now());
    this.#watched.delete(record.pid);
  }

  #tell(moment: Moment, source: Life, target: Life): void {
    const { guest } = target;
    const migration = { guest, source: source.host, target: target.host, atMs: Date.now() };
    this.#onMoment({ moment, migration });
    if (moment === 'arriving') this.#onMoment({ moment: 'transfer', migration });
  }
}

/** libvirt names the guest on QEMU's command line; undefined for every other process. */
function guestOf(pid: number): string | undefined {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    if (!words[0]?.includes('qemu-system')) return undefined;
    return words
      .map((word) => /^guest=([^,]+),/.exec(word)?.[1])
      .find((name) => name !== undefined);
  } catch {
    return undefined;
  }
}
