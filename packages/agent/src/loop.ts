/** Repeats work at an interval, never two at a time; can be asked to run soon, and ends cleanly. */

export type Loop = Readonly<{
  /** Runs the work as soon as what is running has ended. */
  hurry(): void;
  /** Resolves when nothing is running any more and nothing will. */
  stop(): Promise<void>;
}>;

/** `work` must not reject: what can fail is handled inside. */
export function startLoop(everyMs: number, work: () => Promise<void>): Loop {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let again = false;
  let stopped = false;
  const run = (): void => {
    clearTimeout(timer);
    again = false;
    running = work().finally(() => {
      running = undefined;
      if (!stopped) timer = setTimeout(run, again ? 0 : everyMs);
    });
  };
  run();
  return {
    hurry() {
      if (stopped) return;
      again = true;
      if (running === undefined) run();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}
