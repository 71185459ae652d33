import fc from 'fast-check';
import { expect, it } from 'vitest';
import { EventQueue } from '../src/index.ts';

it('gives events in order of time, and those of one moment in the order they came', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 200 }), fc.array(fc.nat(20)), (first, later) => {
      const queue = new EventQueue<{ atMs: number; sequence: number }>();
      const out: { atMs: number; sequence: number }[] = [];
      let sequence = 0;
      for (const atMs of first) queue.push(atMs, { atMs, sequence: sequence++ });
      // Some are taken out before the rest comes in: what is late then comes out next.
      for (let half = 0; half < first.length / 2; half++) queue.pop();
      const left = queue.size;
      for (const atMs of later) queue.push(atMs, { atMs, sequence: sequence++ });
      for (let item = queue.pop(); item !== undefined; item = queue.pop()) out.push(item);
      expect(out).toHaveLength(left + later.length);
      const sorted = [...out].sort((a, b) => a.atMs - b.atMs || a.sequence - b.sequence);
      expect(out).toEqual(sorted);
    }),
  );
});
