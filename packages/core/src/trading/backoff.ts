/** A peer that is left alone for a while: who and when is the business of `prospects.ts`. */
export type Backoff = Readonly<{
  untilMs: number;
  /** Searches in a row that found nothing, with nothing changed that was known of. */
  count: number;
  /** Which of its claims the last one saw, as its load summaries count them. */
  revision?: number | undefined;
}>;
