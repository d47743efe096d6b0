// Vitest for the agents that npm has, which take a gigabyte: npm run test:agents.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/e2e/**/*.agents.ts'],
    fileParallelism: false,
    testTimeout: 180_000,
  },
})
