/** A rule that does not hold: thrown by a checker, told by whoever ran the simulation. */
export class Violation extends Error {
  readonly checker: string;
  /** Domains, deals or settlements that it is about: the trace is searched for them. */
  readonly subjects: readonly string[];

  constructor(checker: string, subjects: readonly string[], message: string) {
    super(message);
    this.checker = checker;
    this.subjects = subjects;
  }
}
