import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PeerTable } from '../src/information/peer-table.ts';
import { hostId, summaryOf } from './support/world.ts';

const max = 12;

const summary = (host: number, tradedMsAgo: number) => summaryOf(`h${host}`, { tradedMsAgo });

/** One thing that happens to a table; which host it is about is a number below `max`. */
const happening = fc.oneof(
  fc.record({ kind: fc.constant('hear' as const), host: fc.nat(max - 1), ago: fc.nat(1000) }),
  fc.record({ kind: fc.constant('hopeless' as const), host: fc.nat(max - 1), until: fc.nat(100) }),
  fc.record({ kind: fc.constant('drop' as const), hosts: fc.uniqueArray(fc.nat(max - 1)) }),
  fc.record({ kind: fc.constant('hope' as const) }),
);

type Row = { host: number; receivedAtMs: number; tradedAtMs: number; hopelessUntilMs: number };

describe('the columns of heard peers', () => {
  it('say of everybody what was said of it, whoever came and went, in the order of the first word', () => {
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 60 }), (happenings) => {
        const table = new PeerTable(max);
        let rows: Row[] = [];
        for (const [nowMs, one] of happenings.entries()) {
          if (one.kind === 'hear') {
            const known = table.get(hostId(`h${one.host}`));
            if (known === undefined) table.add(summary(one.host, one.ago), nowMs, 0);
            else known.hear(summary(one.host, one.ago), nowMs);
            const row = rows.find(({ host }) => host === one.host);
            const heard = { receivedAtMs: nowMs, tradedAtMs: nowMs - one.ago };
            if (row === undefined) rows.push({ host: one.host, hopelessUntilMs: 0, ...heard });
            else Object.assign(row, heard);
          } else if (one.kind === 'hopeless') {
            const known = table.get(hostId(`h${one.host}`));
            if (known !== undefined) known.hopelessUntilMs = one.until;
            for (const row of rows) if (row.host === one.host) row.hopelessUntilMs = one.until;
          } else if (one.kind === 'drop') {
            table.drop(new Set(one.hosts.map((host) => hostId(`h${host}`))));
            rows = rows.filter(({ host }) => !one.hosts.includes(host));
          } else {
            table.hopeAgain();
            for (const row of rows) row.hopelessUntilMs = 0;
          }
        }
        const told = table.values().map((known) => ({
          host: known.summary.host,
          receivedAtMs: known.receivedAtMs,
          tradedAtMs: known.tradedAtMs,
          hopelessUntilMs: known.hopelessUntilMs,
        }));
        expect(told).toEqual(rows.map((row) => ({ ...row, host: hostId(`h${row.host}`) })));
        expect(table.size).toBe(rows.length);
        expect(table.hopeful(50, 20).map(({ summary: { host } }) => host)).toEqual(
          rows
            .filter((row) => row.hopelessUntilMs <= 50 && row.receivedAtMs >= 20)
            .map((row) => hostId(`h${row.host}`)),
        );
        expect([...table.tradedAtMs(20)]).toEqual(
          rows.flatMap((row) => (row.receivedAtMs >= 20 ? [row.tradedAtMs] : [])),
        );
        const oldest = [...rows].sort((x, y) => x.receivedAtMs - y.receivedAtMs).slice(0, 3);
        expect([...table.stalest(3)]).toEqual(oldest.map(({ host }) => hostId(`h${host}`)));
      }),
    );
  });
});
