// Vitest for what takes a quarter of an hour, or one, with the real Claude Code: npm run test:clients.
import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    pool: 'forks',
    include: ['test/e2e/**/*.long.ts'],
    fileParallelism: false,
  },
})
