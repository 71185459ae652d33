import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['packages/*/test/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 20_000,
    // One for the lab, which mostly waits for real guests, and one for everything else.
    maxWorkers: 2,
  },
});
