/** One known way to break the core: exact text of its source, and what stands there instead. */

export type Edit = Readonly<{
  /** In `packages/core/src`. */
  file: string;
  /** Must be there exactly once: a mutant whose source has changed has to be written anew. */
  original: string;
  broken: string;
}>;

export type Mutant = Readonly<{ name: string; edits: readonly Edit[] }>;

/** The usual one: a name, and one edit. */
export const one = (name: string, file: string, original: string, broken: string): Mutant => ({
  name,
  edits: [{ file, original, broken }],
});
