/** One line for the trace about an effect or an event; nothing about what only fills pages. */

import type { HostEffect, HostId, JournalRecord, Message } from '@barter/core';
import type { WorldEvent } from '@barter/sim';

export function describeEffect(host: HostId, effect: HostEffect): string | undefined {
  switch (effect.kind) {
    case 'send': {
      const text = describeMessage(effect.message);
      return text === undefined ? undefined : `${host} → ${effect.to} ${text}`;
    }
    case 'persist':
      return `${host} persists ${effect.records.map(describeRecord).join('; ')}`;
    case 'migrate': {
      const { domain, target, settlement } = effect.order;
      return `${host} migrates ${domain} to ${target} (${settlement})`;
    }
    case 'abortMigration':
      return `${host} aborts the migration of ${effect.domain}`;
    case 'inspect':
      return `${host} inspects ${effect.domain} (${effect.settlement})`;
    case 'resume':
      return `${host} resumes ${effect.domain}`;
    case 'discard':
      return `${host} discards what is left of ${effect.domain}`;
    case 'refuseArrival':
      return `${host} refuses the arrival of ${effect.domain} (${effect.settlement})`;
    case 'shutOut':
      return `${host} shuts ${effect.peer} out`;
    case 'log':
      return effect.level === 'debug' ? undefined : `${host} says ${effect.message}`;
  }
}

function describeMessage(message: Message): string | undefined {
  switch (message.kind) {
    case 'summary':
    case 'announce':
    case 'seek':
    case 'found':
    case 'nearby':
    case 'near':
    case 'heard':
      return undefined;
    case 'propose':
      return `propose ${message.deal}`;
    case 'accept': {
      const { give, take } = message.exchange;
      return `accept ${message.deal}: give ${give.join(',')} take ${take.join(',')}`;
    }
    case 'decline':
      return `decline ${message.deal}: ${message.reason}`;
    case 'transfer':
      return `transfer ${message.domain} v${message.version} to ${message.to}`;
    default: {
      const words = Object.entries(message)
        .filter(([key]) => !['kind', 'offer', 'statistics'].includes(key))
        .map(([key, value]) => (key === 'version' ? `v${value}` : `${value}`));
      return `${message.kind} ${words.join(' ')}`;
    }
  }
}

function describeRecord(record: JournalRecord): string {
  const { kind, key } = record;
  if (record.value === null) return `${kind} ${key} forgotten`;
  switch (record.kind) {
    case 'deal':
      return `deal ${key} ${record.value.phase}`;
    case 'home': {
      const { holder, version, settlement } = record.value;
      return `home ${key} v${version} holder ${holder}${settlement === null ? '' : ` settling ${settlement}`}`;
    }
    case 'holding': {
      const { claim, confirmed, givenTo } = record.value;
      const state = givenTo === null ? (confirmed ? 'confirmed' : 'new') : `given to ${givenTo}`;
      return `holding ${key} v${claim.version} of ${claim.home} ${state}`;
    }
    case 'settlement':
      return `settlement ${key} ${record.value.domain} ${record.value.phase}`;
    case 'reservation':
      return `reservation ${key} ${record.value.domain} ${record.value.phase}`;
    case 'receipt':
      return `receipt ${record.value.kind} ${record.value.detail}`;
    case 'arrival':
      return `arrival ${key} ${record.value.ended}`;
    case 'former':
      return `former ${key} v${record.value.version}`;
    case 'settings':
      return 'settings';
  }
}

export function describeEvent(event: WorldEvent): string | undefined {
  switch (event.kind) {
    case 'started':
    case 'stopped':
    case 'resumed':
    case 'redefined':
      return `= ${event.domain} ${event.kind} on ${event.host}`;
    case 'reachable':
      return `= libvirt on ${event.host} ${event.reachable ? 'answers again' : 'is gone'}`;
    case 'migration-started':
      return `= ${event.domain} begins to migrate ${event.host} ⇒ ${event.target}`;
    case 'migration-ended':
      return `= ${event.domain} ${event.moved ? 'moved' : 'stayed'} ${event.host} ⇒ ${event.target}: ${event.detail}`;
    default:
      return undefined;
  }
}
