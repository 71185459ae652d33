/** What a promise rests on is durable before the message that makes the promise leaves, or the hypervisor is called. */

import type { DomainId, HostId, Message, SettlementMessage } from '@barter/core';
import { noticedMs } from '../facts.ts';
import type { Checker, Scene } from '../scene.ts';
import { Violation } from '../violation.ts';

export function durability(scene: Scene): Checker {
  const name = 'durability';

  /**
   * A settlement that is forgotten by now: the promise rests on the register, by which the claim is the home's own again,
   * later than the one that the target kept room for; and on the domain's running there, or having done so until
   * somebody has handled it just now.
   */
  const isBackHome = (host: HostId, to: HostId, { settlement, domain }: SettlementMessage) => {
    const entry = scene.records(host).get('home', domain);
    const asked = scene.records(to).get('reservation', settlement)?.version ?? -1;
    const { world, facts } = scene;
    const ranLately =
      scene.runsAt(host, domain) || facts.isHandledSince(domain, world.nowMs() - noticedMs);
    return entry?.holder === host && entry.version > asked && ranLately;
  };

  /** Undefined when the message rests on nothing, or on something durable; otherwise what is missing. */
  const missing = (host: HostId, to: HostId, message: Message): string | undefined => {
    const records = scene.records(host);
    switch (message.kind) {
      case 'accept':
        return records.get('deal', message.deal)?.phase === 'accepted'
          ? undefined
          : 'the accepted deal';
      case 'commit': {
        const phase = records.get('deal', message.deal)?.phase;
        return phase === 'committed' || phase === 'done' ? undefined : 'the committed deal';
      }
      case 'acknowledge':
        return records.get('deal', message.deal)?.phase === 'done' ? undefined : 'the done deal';
      case 'abort': {
        const phase = records.get('deal', message.deal)?.phase;
        return phase === 'committed' || phase === 'done'
          ? 'a decision that it contradicts'
          : undefined;
      }
      case 'void': {
        const phase = records.get('deal', message.deal)?.phase;
        return phase === undefined || phase === 'void' ? undefined : 'the void deal';
      }
      case 'transferred': {
        const entry = records.get('home', message.domain);
        return entry !== undefined && entry.version >= message.version
          ? undefined
          : 'the new holder';
      }
      case 'renewed': {
        const entry = records.get('home', message.domain);
        return entry?.holder === to && entry.version === message.version ? undefined : 'the holder';
      }
      case 'settle': {
        const reservation = records.get('reservation', message.settlement);
        return reservation?.version === message.version ? undefined : 'the room';
      }
      case 'settling': {
        const phase = records.get('settlement', message.settlement)?.phase;
        return phase === 'migrating' || phase === 'resolving' ? undefined : 'the settlement';
      }
      case 'settled': {
        const phase = records.get('settlement', message.settlement)?.phase;
        if (phase === undefined && !message.moved)
          return isBackHome(host, to, message) ? undefined : 'that the claim is its own again';
        return phase === (message.moved ? 'moved' : 'failed') ? undefined : 'how it ended';
      }
      case 'located': {
        const ended = records.get('arrival', message.settlement)?.ended;
        if (message.arrival === 'arrived') return ended === 'arrived' ? undefined : 'the arrival';
        if (message.arrival !== 'refused' || ended === 'refused') return undefined;
        // Without room kept for it nothing is let in: that is refused enough.
        const isKept = records.get('reservation', message.settlement) !== undefined;
        return isKept ? 'the refusal' : undefined;
      }
      default:
        return undefined;
    }
  };

  /** What becomes of a copy that was left is decided for good before anything is done to it. */
  const isDecided = (host: HostId, domain: DomainId, decided: 'clear' | 'resume') =>
    scene
      .records(host)
      .all('settlement')
      .some((settlement) => settlement.domain === domain && settlement.decided === decided);

  return {
    name,
    onEffect(host, effect) {
      if (effect.kind === 'discard' || effect.kind === 'resume') {
        const { kind, domain } = effect;
        if (!isDecided(host, domain, kind === 'discard' ? 'clear' : 'resume'))
          throw new Violation(
            name,
            [domain],
            `${host} ${kind}s what is left of ${domain}, and that this was decided is not durable`,
          );
      }
      if (effect.kind === 'migrate') {
        const { settlement, domain } = effect.order;
        if (scene.records(host).get('settlement', settlement)?.phase !== 'migrating')
          throw new Violation(
            name,
            [settlement, domain],
            `${host} migrates ${domain}, and its promise is not durable`,
          );
      }
      if (effect.kind !== 'send') return;
      const what = missing(host, effect.to, effect.message);
      if (what === undefined) return;
      const { kind } = effect.message;
      const subjects = Object.values(effect.message).filter((value) => typeof value === 'string');
      throw new Violation(
        name,
        subjects,
        `${host} sends ${kind} to ${effect.to}, and ${what} is not durable`,
      );
    },
  };
}
