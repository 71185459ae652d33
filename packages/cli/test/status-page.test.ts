import { describe, expect, it } from 'vitest';
import { statusPage } from '../src/status-page.ts';
import { status } from './fake-agent.ts';
import { fakeTerminal } from './fake-terminal.ts';

describe('the status page', () => {
  it('says who, how loaded, what is going on and what is wrong', () => {
    expect(statusPage(status, fakeTerminal())).toMatchInlineSnapshot(`
      "kvm1  …dEfGhJkL  in cluster default, at pod1/rack3
      mode        advise: recommends moves and waits for \`barter approve\`
      agent       barter 0.1.0, up 3h 12m, pid 4711, 92 MiB

      memory      ██████████░░░░░░░░░░  50%  32 GiB of 64 GiB, trading up to 57 GiB
      cpu         ████░░░░░░░░░░░░░░░░  20%  3.25 of 16 cores busy
      vcpus       ████████░░░░░░░░░░░░  39%  22 of 57 that may be promised
      network     ░░░░░░░░░░░░░░░░░░░░   2%  220 Mbit/s of 10 Gbit/s crosses the uplink
      measured    yes

      cost        12.3 Mbit/s × distance, for the traffic of this host's VMs
      peers       3 of 4 connected
      VMs         6 running here, 1 of them promised away; 2 promised to come
      deals       1 open, 12 committed, 33 declined, 4 aborted
      migrations  1 under way, 7 moved, 0 failed

      moving      █████░░░░░░░░░░░░░░░  25%  web-3 from kvm1 to kvm2: 3 GiB to go at 128 MiB/s, about 24s left

      1 problem:
        - the pair set of br0 is full: raise its size
        \`barter doctor\` looks further."
    `);
  });

  it('says what an agent waits for that has just started', () => {
    const page = statusPage(
      { ...status, load: null, capacity: null, measured: false, problems: [] },
      fakeTerminal(),
    );
    expect(page).toContain('not measured yet');
    expect(page).toContain('No problems.');
  });

  it('says how to end a stop', () => {
    const page = statusPage({ ...status, stopped: true }, fakeTerminal());
    expect(page).toContain('`barter resume` ends that');
  });

  it('colours only where there are colours, and draws with ASCII where there is no UTF-8', () => {
    const sequence = '\u001b';
    expect(statusPage(status, fakeTerminal())).not.toContain(sequence);
    expect(statusPage(status, fakeTerminal({ colours: true }))).toContain(sequence);
    const plain = statusPage(status, fakeTerminal({ unicode: false }));
    expect(plain).toContain('##########..........');
  });

  it('lets no control sequence of another host through', () => {
    const page = statusPage(
      { ...status, name: 'kvm\u001b[2J', problems: ['\u0007 bell\nand a line'] },
      fakeTerminal(),
    );
    expect(page).not.toContain('\u001b');
    expect(page).not.toContain('\u0007');
  });
});
