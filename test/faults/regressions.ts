/**
 * Seeds on which the core once broke a rule, with what was wrong. A seed tells the same story only as long as
 * `plan.ts` and the injectors draw the same numbers: for a defect that has to stay away whatever becomes of
 * them, `test/mutants` has the defect itself.
 */

export const regressions: readonly Readonly<{ seed: number; what: string }>[] = [];
