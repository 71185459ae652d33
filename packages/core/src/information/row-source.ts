/** What a traffic row was made of. */

import type { DomainSample, TrafficRow } from '../model/model.ts';

/** What the rows of a domain follow from, and the rows: while all of it is the same, so are they. */
export type RowSource = Readonly<{
  rates: DomainSample['rates'];
  /** Which of the changes of what has lasted. */
  steady: number | undefined;
  /** The row that it brought along, while that counts. */
  carried: TrafficRow | undefined;
  row: TrafficRow;
  priced: TrafficRow;
  /** The rates to addresses that nobody had named. */
  unnamed: DomainSample['rates'];
}>;
