/**
 * Peers that break the rules of trading: what the core says of them in the log counts against them in the
 * peer network, so that one that goes on is disconnected and ignored for a while, and logs no more lines.
 *
 * Counted is only what a peer itself said and cannot be an honest mistake that often: the load summary of another
 * host, a word in a deal of others, a step that the deal's machine does not know, and a VM that runs here announced as
 * its own. A lie about its own load looks like the truth; what that costs is bounded elsewhere.
 */

import type { DomainId, HostId, Log, Message } from '@barter/core';

/** Codes of the core's log whose `peer` broke a rule. */
const breaches = new Set(['summary-stranger', 'deal-stranger', 'deal-violation']);
/** A domain that runs here is also announced elsewhere: held against a peer that announced it itself. */
const contested = 'two-homes';
const announcedMax = 4096;

export class Conduct {
  readonly #log: Log;
  readonly #suspect: (peer: HostId, problem: string) => void;
  readonly #announced = new Map<DomainId, HostId>();

  /** `suspect` is told of every breach; it decides when there were too many. */
  constructor(log: Log, suspect: (peer: HostId, problem: string) => void) {
    this.#log = log;
    this.#suspect = suspect;
  }

  /** Before a message reaches the core. `isHere`: whether a domain is at home on this host. */
  heard(from: HostId, message: Message, isHere: (domain: DomainId) => boolean): void {
    if (message.kind !== 'announce') return;
    for (const { domain } of message.domains) {
      if (!isHere(domain) || (this.#announced.size >= announcedMax && !this.#announced.has(domain)))
        continue;
      this.#announced.set(domain, from);
    }
  }

  /** The log for the core: writes what it is given, except that a breach is told to the peer network instead. */
  get log(): Log {
    return {
      log: (level, code, message, fields) => {
        const peer = fields?.peer as HostId | undefined;
        if (peer !== undefined && breaches.has(code)) {
          // The peer network logs it, for as long as the peer is listened to.
          this.#suspect(peer, `${code}: ${message}`);
          return;
        }
        this.#log.log(level, code, message, fields);
        const domain = fields?.domain as DomainId | undefined;
        if (code !== contested || peer === undefined || domain === undefined) return;
        if (this.#announced.get(domain) === peer) this.#suspect(peer, message);
        this.#announced.delete(domain);
      },
    };
  }
}
