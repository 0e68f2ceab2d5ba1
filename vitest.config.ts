import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Simulated worlds make much garbage that is young: with room for it a sixth of their time is saved.
    execArgv: ['--max-semi-space-size=64'],
    // Tests with live nodes wait more than they work: one more than there are cores on the smallest machine.
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
