/** Requests on the control socket: whatever the method, the path and the body, one answer and no exception. */

import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { commandBodies } from '../../../packages/agent/src/control/protocol.ts';
import { handleRequest } from '../../../packages/agent/src/control/routes.ts';
import { mutateText } from '../mutate.ts';
import { broken, type Prepare, target } from '../target.ts';

const views = ['status', 'peers', 'domains', 'traffic', 'deals', 'moves', 'doctor', 'snapshot'];
const bodies = [
  '{"mode":"auto"}',
  '{"all":true}',
  '{"expiresInSeconds":3600}',
  '{"peer":"kvm1"}',
  '{"id":"x"}',
  '{"domain":"x"}',
  '{"domain":"x","target":"kvm2"}',
];
const words = [
  ...views,
  ...Object.keys(commandBodies),
  '/v1/',
  '?peer=',
  '&limit=',
  '%00',
  '%',
  '../',
  '//',
  'http://',
  '__proto__',
  'true',
  'null',
  '[]',
];

export const prepare: Prepare = async () => {
  const asked: string[] = [];
  const api = {
    async view(name: string) {
      asked.push(name);
      return { ok: true, value: null };
    },
    async command(name: string) {
      asked.push(name);
      return { ok: true, value: null };
    },
  } as never;
  return target<string>({
    name: 'control',
    /** Method, path and body, one a line. */
    make(dice) {
      const method = dice.oneIn(10) ? dice.pick(words) : dice.pick(['GET', 'POST', 'POST']);
      const name = dice.pick([...views, ...Object.keys(commandBodies)]);
      const path = `/v1/${name}${dice.oneIn(3) ? '?peer=kvm1&limit=5' : ''}`;
      const bent = dice.oneIn(2) ? path : mutateText(dice, path, dice.pick(words), words, 2000);
      const body = dice.pick(bodies);
      const hurt = dice.oneIn(4) ? body : mutateText(dice, body, dice.pick(bodies), words, 100_000);
      return `${method}\n${bent.replaceAll('\n', '')}\n${hurt}`;
    },
    async read(input) {
      const [method = '', url = '', ...rest] = input.split('\n');
      const body = Buffer.from(rest.join('\n'));
      const request = Object.assign(Readable.from(body.length > 0 ? [body] : []), { method, url });
      asked.length = 0;
      const answer = await handleRequest(request as unknown as IncomingMessage, api);
      if (![200, 400, 404, 405].includes(answer.status)) broken(`status ${answer.status}`);
      if ((answer.status === 200) !== (asked.length === 1)) broken('refused or asked, not both');
      if (asked.length === 1 && method === 'GET' && !views.includes(asked[0] ?? ''))
        broken('a reading changes nothing');
      JSON.stringify(answer.body);
    },
  });
};
