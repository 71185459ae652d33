/** What a promise rests on is durable before the message that makes the promise leaves, or the hypervisor is called. */

import type { HostId, Message } from '@barter/core';
import type { Checker, Scene } from '../scene.ts';
import { Violation } from '../violation.ts';

export function durability(scene: Scene): Checker {
  const name = 'durability';

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
        return phase === (message.moved ? 'moved' : 'failed') ? undefined : 'how it ended';
      }
      default:
        return undefined;
    }
  };

  return {
    name,
    onEffect(host, effect) {
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
