import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Log } from '@barter/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentApi } from '../../src/api.ts';
import { ControlClient } from '../../src/control/client.ts';
import { groupIdOf } from '../../src/control/group.ts';
import { type ControlServer, serveControl } from '../../src/control/server.ts';
import { success } from '../../src/result.ts';
import { fakeAgent, status } from './fake-agent.ts';

describe('the control socket', () => {
  let directory: string;
  let socketPath: string;
  let logged: string[];
  const servers: ControlServer[] = [];
  const log: Log = { log: (level, code, message) => logged.push(`${level} ${code} ${message}`) };

  beforeEach(() => {
    logged = [];
    directory = mkdtempSync(join(tmpdir(), 'barter-control-'));
    socketPath = join(directory, 'run', 'control.sock');
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.close();
    rmSync(directory, { recursive: true });
  });

  async function serve(api: AgentApi): Promise<ControlClient> {
    const served = await serveControl({ socketPath, api, log });
    if (!served.ok) throw new Error(served.message);
    servers.push(served.value);
    return new ControlClient({ socketPath });
  }

  /** What a script with any HTTP client sees. */
  function raw(
    method: string,
    path: string,
    body?: string,
  ): Promise<{ status: number; text: string }> {
    return new Promise((resolve, reject) => {
      const asked = request({ socketPath, method, path, agent: false }, async (response) => {
        let text = '';
        for await (const chunk of response) text += chunk;
        resolve({ status: response.statusCode ?? 0, text });
      });
      asked.on('error', reject);
      asked.end(body);
    });
  }

  it('answers what is read, and passes on who is asked and how much', async () => {
    const agent = fakeAgent();
    const client = await serve(agent);
    expect(await client.view('status')).toEqual({ ok: true, value: status });
    await client.view('deals', { peer: 'kvm 2/ü', limit: 5 });
    expect(agent.asked).toEqual([
      { name: 'status', with: {} },
      { name: 'deals', with: { peer: 'kvm 2/ü', limit: 5 } },
    ]);
  });

  it('carries out commands, and hands on why one failed', async () => {
    const client = await serve(fakeAgent());
    expect(await client.command('mode', { mode: 'auto' })).toEqual(success({ mode: 'auto' }));
    expect(await client.command('expel', { peer: 'nobody' })).toEqual({
      ok: false,
      code: 'unknown-peer',
      message: 'no host of this cluster has that name',
    });
  });

  it('is open to owner and group only', async () => {
    await serve(fakeAgent());
    expect(statSync(socketPath).mode & 0o777).toBe(0o660);
  });

  it.runIf(process.getuid?.() === 0)(
    'is open to members of its group, and to nobody else',
    async () => {
      const gid = 54_321;
      const served = await serveControl({ socketPath, group: String(gid), api: fakeAgent(), log });
      if (!served.ok) throw new Error(served.message);
      servers.push(served.value);
      expect(statSync(socketPath)).toMatchObject({ uid: 0, gid });
      for (const each of [directory, join(directory, 'run')]) chmodSync(each, 0o755);
      const ask = (as: { uid: number; gid: number }) =>
        new Promise<string>((resolve) => {
          const script = `const c = require('node:net').connect(process.argv[1]);
          c.on('connect', () => { console.log('open'); c.destroy(); });
          c.on('error', (error) => console.log(error.code));`;
          const child = spawn('/proc/self/exe', ['-e', script, socketPath], { ...as, cwd: '/' });
          let out = '';
          child.stdout.on('data', (chunk) => {
            out += chunk;
          });
          child.once('error', (error) => resolve(error.message));
          child.once('close', () => resolve(out.trim()));
        });
      expect(await ask({ uid: 65_534, gid })).toBe('open');
      expect(await ask({ uid: 65_534, gid: 65_534 })).toBe('EACCES');
    },
  );

  it('stays root’s own when there is no such group, and says so', async () => {
    const before = process.getgid?.();
    const served = await serveControl({
      socketPath,
      group: 'no-such-group',
      api: fakeAgent(),
      log,
    });
    if (!served.ok) throw new Error(served.message);
    servers.push(served.value);
    expect(statSync(socketPath)).toMatchObject({ gid: before });
    expect(logged).toEqual([
      `info control There is no group no-such-group: only root may use ${socketPath}.`,
    ]);
  });

  it('finds a group by its name in a file like /etc/group, and by its number', () => {
    const file = join(directory, 'group');
    writeFileSync(file, 'root:x:0:\nbarter-admins:x:7:\nbarter:x:998:anna,ben\nbad:x:y:\n');
    expect(groupIdOf('barter', file)).toBe(998);
    expect(groupIdOf('123', file)).toBe(123);
    for (const name of ['bad', 'nobody-here', '', 'barter:x']) {
      expect(groupIdOf(name, file)).toBeUndefined();
    }
    expect(groupIdOf('barter', join(directory, 'missing'))).toBeUndefined();
  });

  it.each([
    ['GET', '/v1/nonsense', undefined, 404, 'unknown-route'],
    ['GET', '/v1/../../etc/passwd', undefined, 404, 'unknown-route'],
    ['GET', '/v1/__proto__', undefined, 404, 'unknown-route'],
    ['GET', '/v1/mode', undefined, 405, 'wrong-method'],
    ['POST', '/v1/status', '{}', 405, 'wrong-method'],
    ['DELETE', '/v1/mode', undefined, 405, 'wrong-method'],
    ['GET', '/v1/deals?limit=0', undefined, 400, 'bad-request'],
    ['GET', '/v1/deals?limit=1e9', undefined, 400, 'bad-request'],
    ['GET', '/v1/deals?wibble=1', undefined, 400, 'bad-request'],
    ['GET', `/v1/deals?peer=${'x'.repeat(300)}`, undefined, 400, 'bad-request'],
    ['POST', '/v1/mode', '{"mode":"wild"}', 400, 'bad-request'],
    ['POST', '/v1/mode', '{"mode":"auto","more":1}', 400, 'bad-request'],
    ['POST', '/v1/mode', 'mode=auto', 400, 'bad-request'],
    ['POST', '/v1/mode', '', 400, 'bad-request'],
    ['POST', '/v1/mode', JSON.stringify({ mode: 'x'.repeat(100_000) }), 400, 'bad-request'],
  ])('refuses %s %s', async (method, path, body, expected, code) => {
    const agent = fakeAgent();
    await serve(agent);
    const answer = await raw(method, path, body);
    expect(answer.status).toBe(expected);
    expect(JSON.parse(answer.text)).toMatchObject({ ok: false, code });
    expect(agent.asked).toEqual([]);
  });

  it('an agent that throws costs one answer, is logged, and goes on', async () => {
    const client = await serve(fakeAgent({ peers: () => Promise.reject(new Error('a bug')) }));
    expect(await client.view('peers')).toMatchObject({ ok: false, code: 'internal' });
    expect(logged).toEqual(['error control a control request failed']);
    expect(await client.view('status')).toMatchObject({ ok: true });
  });

  it('a client that waits for an agent that hangs gives up in bounded time', async () => {
    await serve(fakeAgent({ status: () => new Promise(() => undefined) }));
    const client = new ControlClient({ socketPath, viewTimeoutMs: 50 });
    const answer = await client.view('status');
    expect(answer).toMatchObject({ ok: false, code: 'timeout' });
    expect(JSON.stringify(answer)).toContain(socketPath);
  });

  it('says that no agent is running, and how to start one', async () => {
    const answer = await new ControlClient({ socketPath }).view('status');
    expect(answer).toMatchObject({ ok: false, code: 'agent-not-running' });
    expect(JSON.stringify(answer)).toContain('systemctl start barter');
  });

  it('removes its socket when it closes, while somebody is still asking', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const client = await serve(
      fakeAgent({
        status: () => {
          resolve();
          return new Promise(() => undefined);
        },
      }),
    );
    const asking = client.view('status');
    await promise;
    await servers[0]?.close();
    expect(await asking).toMatchObject({ ok: false, code: 'disconnected' });
    expect(statSync(socketPath, { throwIfNoEntry: false })).toBeUndefined();
    expect(await client.view('status')).toMatchObject({ code: 'agent-not-running' });
  });

  describe('when something stands where its socket should be', () => {
    it('a socket that nobody listens at is replaced', async () => {
      await serve(fakeAgent());
      // Keep the file of a socket whose listener is gone, as a killed agent does.
      const left = join(directory, 'left.sock');
      const gone = createServer();
      await new Promise<void>((resolve) => gone.listen(left, resolve));
      const { renameSync } = await import('node:fs');
      await servers.splice(0)[0]?.close();
      renameSync(left, socketPath);
      await new Promise<void>((resolve) => gone.close(() => resolve()));
      expect(statSync(socketPath).isSocket()).toBe(true);
      expect(await (await serve(fakeAgent())).view('status')).toMatchObject({ ok: true });
    });

    it('a running agent is left alone', async () => {
      const client = await serve(fakeAgent());
      const second = await serveControl({ socketPath, api: fakeAgent(), log });
      expect(second).toMatchObject({ ok: false, code: 'control-in-use' });
      expect(await client.view('status')).toMatchObject({ ok: true });
    });

    it('a file or a link is refused and stays', async () => {
      const { mkdirSync } = await import('node:fs');
      mkdirSync(join(directory, 'run'));
      const target = join(directory, 'precious');
      writeFileSync(target, 'precious');
      for (const place of [
        () => writeFileSync(socketPath, ''),
        () => symlinkSync(target, socketPath),
      ]) {
        place();
        expect(await serveControl({ socketPath, api: fakeAgent(), log })).toMatchObject({
          ok: false,
          code: 'control-unusable',
        });
        rmSync(socketPath);
      }
      expect(statSync(target).size).toBe(8);
    });
  });

  it('whatever else listens there is not taken for an agent', async () => {
    const answers = ['HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n[1]\n', 'SSH-2.0-OpenSSH\r\n'];
    for (const answer of answers) {
      const path = join(directory, `${answers.indexOf(answer)}.sock`);
      const other: Server = createServer((socket) => socket.resume().end(answer));
      await new Promise<void>((resolve) => other.listen(path, resolve));
      const result = await new ControlClient({ socketPath: path }).view('status');
      expect(result).toMatchObject({ ok: false });
      expect(['not-an-agent', 'disconnected']).toContain(result.ok ? '' : result.code);
      await new Promise<void>((resolve) => other.close(() => resolve()));
    }
  });
});
