// Vitest for the tests with real weights: npm run test:real.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/real/**/*.real.ts'],
    fileParallelism: false,
    testTimeout: 1_800_000,
  },
})
