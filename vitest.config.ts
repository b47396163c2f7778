import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    pool: 'threads',
    isolate: false,
    // Many tests wait for sockets and for time to pass.
    maxWorkers: 2,
    // Only what hangs is ended: how fast this machine is decides nothing.
    testTimeout: 180_000,
    exclude: ['**/node_modules/**', '**/dist/**', '**/fixtures/**'],
    projects: [
      {
        extends: true,
        test: {
          name: 'library',
          include: ['packages/{requirements,audit,session}/test/**/*.test.ts', '{scripts,corpus,bench}/**/*.test.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'command',
          include: ['packages/cli/test/**/*.test.ts'],
          globalSetup: 'packages/cli/test/build.ts',
        },
      },
    ],
  },
})
