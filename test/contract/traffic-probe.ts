/**
 * What every `TrafficProbe` must do, real or simulated: two local endpoints and a remote one talk, and
 * the probe tells the rates of the pairs, both directions added, and of nobody else.
 */

import type { TrafficProbe, TrafficReading } from '@barter/core';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

export type TrafficProbeStage = Readonly<{
  probe: TrafficProbe;
  /** Two addresses on this host and one elsewhere, lower case with colons. */
  local: readonly [string, string];
  remote: string;
  /**
   * Lets `a` and `b` exchange this much until the next `pass`; what comes out may differ from it by
   * `tolerance`, as a share.
   */
  talk(a: string, b: string, bitsPerSecond: number): Promise<void>;
  tolerance: number;
  /** Sends multicast and broadcast frames from the first local address; undefined when it cannot. */
  shout?: () => Promise<void>;
  /** Time passes, with the traffic that was asked for: at least one probe interval. */
  pass(): Promise<void>;
  /** As many `pass`es as a whole smoothing window takes, at least. */
  windowPasses: number;
  /** A second probe on the same host, as an agent that was restarted makes it. */
  restarted(): TrafficProbe;
  close(): Promise<void>;
}>;

export function trafficProbeContract(name: string, setup: () => Promise<TrafficProbeStage>): void {
  describe(`traffic probe: ${name}`, () => {
    let stage: TrafficProbeStage;

    beforeEach(async () => {
      stage = await setup();
      await stage.probe.start();
    });

    afterEach(async () => {
      await stage.probe.remove();
      await stage.close();
    });

    function read(probe = stage.probe): Promise<TrafficReading> {
      return probe.read(new Set(stage.local));
    }

    /** Reads through a whole smoothing window, as an agent does. */
    async function throughWindow(probe = stage.probe): Promise<TrafficReading> {
      let reading = await read(probe);
      for (let pass = 0; pass < stage.windowPasses; pass++) {
        await stage.pass();
        reading = await read(probe);
      }
      return reading;
    }

    function rateOf(reading: TrafficReading, a: string, b: string): number {
      const pairs = reading.rates.filter(
        (rate) => (rate.a === a && rate.b === b) || (rate.a === b && rate.b === a),
      );
      expect(pairs.length, `${a} and ${b} are listed once at most`).toBeLessThanOrEqual(1);
      return pairs[0]?.bitsPerSecond ?? 0;
    }

    function expectRate(measured: number, wanted: number): void {
      expect(measured).toBeGreaterThan(wanted * (1 - stage.tolerance));
      expect(measured).toBeLessThan(wanted * (1 + stage.tolerance));
    }

    it('is not measured before a whole smoothing window has passed, and is afterwards', async () => {
      expect((await read()).measured).toBe(false);
      const reading = await throughWindow();
      expect(reading.measured).toBe(true);
      expect(reading.problems).toEqual([]);
    });

    it('tells the rate of a local pair and of a pair with a remote end, each once', async () => {
      const [first, second] = stage.local;
      await stage.talk(first, second, 4_000_000);
      await stage.talk(first, stage.remote, 1_000_000);
      const reading = await throughWindow();
      expectRate(rateOf(reading, first, second), 4_000_000);
      expectRate(rateOf(reading, first, stage.remote), 1_000_000);
    });

    it('says nothing about pairs that have no end here', async () => {
      const [first, second] = stage.local;
      await stage.talk(second, stage.remote, 1_000_000);
      await throughWindow();
      await stage.pass();
      const reading = await stage.probe.read(new Set([first]));
      for (const rate of reading.rates) expect([rate.a, rate.b]).toContain(first);
    });

    it('forgets traffic that has stopped', async () => {
      const [first, second] = stage.local;
      await stage.talk(first, second, 4_000_000);
      const during = rateOf(await throughWindow(), first, second);
      await stage.talk(first, second, 0);
      await throughWindow();
      const after = rateOf(await throughWindow(), first, second);
      expect(after).toBeLessThan(during / 2);
    });

    it('does not count multicast and broadcast as affinity', async ({ skip }) => {
      const shout = stage.shout ?? skip('this set-up cannot send multicast');
      await shout();
      const reading = await throughWindow();
      for (const rate of reading.rates) {
        for (const address of [rate.a, rate.b]) {
          // The lowest bit of the first byte marks a group address.
          expect(Number.parseInt(address.slice(0, 2), 16) & 1, address).toBe(0);
        }
      }
    });

    it('goes on after a restart of the agent', async () => {
      const [first, second] = stage.local;
      await stage.talk(first, second, 4_000_000);
      await throughWindow();
      await stage.probe.close();
      const restarted = stage.restarted();
      await restarted.start();
      const reading = await throughWindow(restarted);
      expect(reading.measured).toBe(true);
      expectRate(rateOf(reading, first, second), 4_000_000);
      await restarted.close();
    });

    it('can be removed twice', async () => {
      await stage.probe.remove();
      await stage.probe.remove();
    });
  });
}
