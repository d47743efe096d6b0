// Vitest for the packaging tests that need npm's registry or a compiler: npm run test:packaging.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/packaging/**/*.slow.ts'],
    fileParallelism: false,
    testTimeout: 600_000,
  },
})
