import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/**/*.test.ts'],
    exclude: ['test/e2e/**'],
    // Only to end what hangs: on a busy machine all takes ten times as long.
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
})
