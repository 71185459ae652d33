/** One thing that has to hold for the unit under a real systemd. */

import type { Lab } from '../lab.ts';

/** `run` throws `LabError` when it does not hold; otherwise it says what was seen. */
export type Row = Readonly<{ name: string; run(lab: Lab): Promise<string> }>;
