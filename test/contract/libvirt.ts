/**
 * What packages/libvirt promises, whatever driver is behind libvirtd. Runs on `test:///default` and, in
 * the lab, on QEMU.
 */

import { randomUUID } from 'node:crypto';
import {
  domainState,
  impact,
  isNotFound,
  isUncertain,
  isUnsupported,
  LibvirtClient,
  LibvirtError,
  lifecycleEvent,
  listFlag,
  numberOf,
  statisticsGroup,
  xmlFlag,
} from '@barter/libvirt';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from './eventually.ts';

export type LibvirtSetup = Readonly<{
  socketPath: string;
  uri: string;
  /** A small definition that starts here and does nothing; its name and UUID are the caller's. */
  domainXml(name: string, uuid: string): string;
  /** What this driver can tell and do beyond the ground that all share. */
  supports: Readonly<{ cpuStatistics: boolean; jobStatistics: boolean; capabilities: boolean }>;
  /** Kills libvirtd with SIGKILL and starts it again; absent where that is not the test's to do. */
  killAndRestart?: Readonly<{ kill(): Promise<void>; restart(): Promise<void> }>;
  /** Stops libvirtd from running, so that it hangs, and lets it go on. */
  hang?: Readonly<{ freeze(): void; thaw(): void }>;
  end(): Promise<void>;
}>;

const namespace = 'https://contract.example/1';

export function libvirtContract(title: string, prepare: () => Promise<LibvirtSetup>): void {
  describe(title, () => {
    let setup: LibvirtSetup;
    let client: LibvirtClient;
    const made = new Set<string>();

    beforeAll(async () => {
      setup = await prepare();
      client = new LibvirtClient({
        socketPath: setup.socketPath,
        uri: setup.uri,
        events: ['lifecycle', 'job-completed', 'migration-iteration'],
        reconnectMinMs: 20,
        reconnectMaxMs: 200,
      });
      await client.start();
    }, 60_000);

    afterAll(async () => {
      // Both are missing where `beforeAll` failed.
      if (setup === undefined || client === undefined) return;
      for (const uuid of made) {
        const domain = await client.domains.lookupByUuid(uuid).catch(() => undefined);
        if (domain === undefined) continue;
        await client.domains.destroy(domain).catch(() => {});
        await client.domains.undefine(domain).catch(() => {});
      }
      await client.close();
      await setup.end();
    });

    function freshDomain(): { name: string; uuid: string; xml: string } {
      const uuid = randomUUID();
      const name = `contract-${uuid.slice(0, 8)}`;
      made.add(uuid);
      return { name, uuid, xml: setup.domainXml(name, uuid) };
    }

    test('says what machine it runs on', async () => {
      const node = await client.host.nodeInformation();
      expect(node.cpus).toBeGreaterThan(0);
      expect(node.memoryKib).toBeGreaterThan(0n);
      expect(node.model).toMatch(/^\w+$/);
      expect(await client.host.hostname()).not.toBe('');
      expect(await client.host.libraryVersion()).toBeGreaterThan(6_008_000);
      if (setup.supports.capabilities) {
        expect(await client.host.domainCapabilities()).toContain('<domainCapabilities>');
      }
      expect(await client.host.capabilities()).toContain('<capabilities>');
    });

    test('a domain is defined, started, paused, resumed, stopped and undefined, and each step is told', async () => {
      const { name, uuid, xml } = freshDomain();
      const told: string[] = [];
      const names = Object.entries(lifecycleEvent);
      client.onEvent((event) => {
        if (event.kind !== 'lifecycle' || event.domain.uuid !== uuid) return;
        told.push(names.find(([, number]) => number === event.event)?.[0] ?? `${event.event}`);
      });

      const defined = await client.domains.define(xml);
      expect(defined).toEqual({ name, uuid, id: -1 });
      expect((await client.domains.state(defined)).state).toBe(domainState.shutoff);
      expect(await client.domains.isPersistent(defined)).toBe(true);

      await client.domains.start(defined);
      const running = await client.domains.lookupByName(name);
      expect(running.uuid).toBe(uuid);
      expect(running.id).toBeGreaterThan(0);
      expect(await client.domains.list(listFlag.active)).toContainEqual(running);

      await client.domains.suspend(running);
      expect((await client.domains.state(running)).state).toBe(domainState.paused);
      await client.domains.resume(running);
      expect((await client.domains.state(running)).state).toBe(domainState.running);

      await client.domains.destroy(running);
      await client.domains.undefine(running);
      const gone = await client.domains.lookupByUuid(uuid).catch((error: unknown) => error);
      expect(isNotFound(gone)).toBe(true);
      await eventually(() => told.includes('undefined'));
      expect(told).toEqual(
        expect.arrayContaining(['defined', 'started', 'suspended', 'resumed', 'stopped']),
      );
      expect(told.indexOf('started')).toBeLessThan(told.indexOf('stopped'));
    });

    test('definition, autostart and metadata are read back as they were written', async () => {
      const { uuid, name, xml } = freshDomain();
      const domain = await client.domains.define(xml);
      await client.domains.start(domain);

      expect(await client.domains.xml(domain)).toContain(`<uuid>${uuid}</uuid>`);
      expect(await client.domains.xml(domain, xmlFlag.migratable)).toContain(
        `<name>${name}</name>`,
      );
      expect(await client.domains.xml(domain, xmlFlag.inactive)).toContain(`<name>${name}</name>`);

      expect(await client.domains.autostart(domain)).toBe(false);
      await client.domains.setAutostart(domain, true);
      expect(await client.domains.autostart(domain)).toBe(true);
      await client.domains.setAutostart(domain, false);

      const absent = await client.domains
        .metadata(domain, namespace)
        .catch((error: unknown) => error);
      expect(isNotFound(absent)).toBe(true);
      const element = '<policy><group>Größe &amp; "more"</group></policy>';
      const both = impact.live | impact.config;
      await client.domains.setMetadata(domain, namespace, 'contract', element, both);
      expect(await client.domains.metadata(domain, namespace)).toContain('Größe &amp; "more"');
      expect(await client.domains.xml(domain, xmlFlag.inactive)).toContain(namespace);
      await client.domains.setMetadata(domain, namespace, 'contract', null, both);
      expect(await client.domains.xml(domain)).not.toContain(namespace);
    });

    test('statistics of all domains come in one call', async () => {
      const { uuid, xml } = freshDomain();
      const domain = await client.domains.define(xml);
      await client.domains.start(domain);
      const all = await client.domains.statistics();
      const ours = all.find((record) => record.domain.uuid === uuid);
      expect(ours).toBeDefined();
      if (ours === undefined) return;
      expect(numberOf(ours.parameters, 'state.state')).toBe(domainState.running);
      if (setup.supports.cpuStatistics) {
        const groups = statisticsGroup.cpu | statisticsGroup.balloon | statisticsGroup.vcpu;
        const [record] = await client.domains.statistics({ domains: [domain], groups });
        expect(record?.domain.uuid).toBe(uuid);
        expect(record && numberOf(record.parameters, 'cpu.time')).toBeGreaterThan(0);
        expect(record && numberOf(record.parameters, 'balloon.maximum')).toBeGreaterThan(0);
        expect(record && numberOf(record.parameters, 'vcpu.maximum')).toBeGreaterThan(0);
      }
    });

    test('a domain without a job says so', async () => {
      const { xml } = freshDomain();
      const domain = await client.domains.define(xml);
      await client.domains.start(domain);
      const statistics = client.domains.jobStatistics(domain);
      if (setup.supports.jobStatistics) expect((await statistics).type).toBe(0);
      else expect(isUnsupported(await statistics.catch((error: unknown) => error))).toBe(true);
    });

    test('five hundred failing calls at once each get their own error', async () => {
      const names = Array.from({ length: 500 }, (_, index) => `wrong/${index}-`);
      const answers = await Promise.allSettled(
        names.map((name) => client.domains.define(setup.domainXml(name, randomUUID()))),
      );
      answers.forEach((answer, index) => {
        expect(answer.status).toBe('rejected');
        if (answer.status !== 'rejected') return;
        expect(answer.reason).toBeInstanceOf(LibvirtError);
        expect(answer.reason.message).toContain(names[index]);
        expect(answer.reason.code).toBeGreaterThan(0);
        expect(answer.reason.domain).toBeGreaterThan(0);
      });
    });

    test('failing and succeeding calls at once do not get mixed up', async () => {
      const { name, uuid, xml } = freshDomain();
      await client.domains.define(xml);
      const answers = await Promise.allSettled(
        Array.from({ length: 200 }, (_, index) =>
          index % 2 === 0
            ? client.domains.lookupByName(name)
            : client.domains.define(setup.domainXml(`wrong/${index}-`, randomUUID())),
        ),
      );
      answers.forEach((answer, index) => {
        if (index % 2 === 0) {
          expect(answer).toMatchObject({ status: 'fulfilled', value: { uuid } });
        } else {
          expect(answer.status === 'rejected' && answer.reason.message).toContain(
            `wrong/${index}-`,
          );
        }
      });
    });

    test('a definition that makes no sense is refused with libvirt’s own words', async () => {
      const refused = await client.domains
        .define('<domain><name>x</name>')
        .catch((e: unknown) => e);
      expect(refused).toBeInstanceOf(LibvirtError);
      expect(refused).toMatchObject({ kind: 'refused', procedure: 'domain_define_xml' });
      expect((refused as LibvirtError).code).toBeGreaterThan(0);
      const bad = await client.domains.lookupByUuid('not-a-uuid').catch((e: unknown) => e);
      expect(bad).toMatchObject({ kind: 'protocol' });
      expect(client.isReachable).toBe(true);
    });

    test('work on a connection of its own leaves the first one free', async () => {
      const names = await client.dedicated(async (domains) => {
        const [own, shared] = await Promise.all([domains.list(), client.domains.list()]);
        return { own: own.length, shared: shared.length };
      });
      expect(names.own).toBe(names.shared);
    });

    test('a killed libvirtd rejects what is pending at once and is reconnected to, events included', async ({
      skip,
    }) => {
      const restart = setup.killAndRestart;
      if (restart === undefined) return skip('libvirtd is not this test’s to kill');
      const states: boolean[] = [];
      client.onReachable((state) => states.push(state.reachable));
      const pending = Promise.allSettled(
        Array.from({ length: 300 }, () => client.domains.lookupByUuid(randomUUID())),
      );
      await restart.kill();
      const outcomes = await pending;
      const rejections = outcomes.flatMap((o) => (o.status === 'rejected' ? [o.reason] : []));
      expect(rejections).toHaveLength(300);
      // Each was answered before the end, or ended with it: none had to wait for its timeout.
      for (const reason of rejections)
        expect(isNotFound(reason) || reason.kind === 'closed').toBe(true);
      await eventually(() => !client.isReachable);
      const refused = await client.domains.list().catch((error: unknown) => error);
      expect(refused).toMatchObject({ kind: 'closed' });
      expect(isUncertain(refused)).toBe(true);

      await restart.restart();
      await eventually(() => client.isReachable);
      expect(states).toEqual([false, true]);
      const { uuid, xml } = freshDomain();
      let started = false;
      client.onEvent((event) => {
        if (event.domain.uuid === uuid) started = true;
      });
      await client.domains.createTransient(xml);
      await eventually(() => started);
    }, 60_000);

    test('a libvirtd that hangs is noticed by its silence', async ({ skip }) => {
      const hang = setup.hang;
      if (hang === undefined) return skip('libvirtd is not this test’s to freeze');
      // Impatient, unlike the others' client: a busy machine makes a libvirtd silent for a moment.
      const impatient = new LibvirtClient({
        socketPath: setup.socketPath,
        uri: setup.uri,
        reconnectMinMs: 20,
        keepalive: { intervalMs: 200, unansweredMax: 2 },
      });
      await impatient.start();
      await eventually(() => impatient.isReachable);
      hang.freeze();
      try {
        const pending = await impatient.domains.list().catch((error: unknown) => error);
        expect(pending).toMatchObject({ kind: 'closed' });
        expect((pending as LibvirtError).message).toContain('silent');
      } finally {
        hang.thaw();
      }
      await eventually(() => impatient.isReachable);
      await impatient.close();
      await eventually(() => client.isReachable);
      await expect(client.domains.list()).resolves.toBeInstanceOf(Array);
    }, 60_000);
  });
}
