import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { LastLineReporter } from './support/last-line-reporter.ts'
import { requiredPeers } from './support/peers.ts'

// A misspelt name in PGR_TEST_REQUIRE would require nothing and hide skips; this stops the run instead.
requiredPeers()

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** What starts servers and talks to them. */
const SERVERS = ['test/redis/**/*.test.ts', 'test/**/*.redis.test.ts', 'test/support/**/*.test.ts']
/** What runs whole gateways, and other people's programs, as processes. */
const WHOLE = ['test/e2e/**/*.test.ts', 'test/differential/**/*.test.ts', 'test/**/*.e2e.test.ts']

/** Projects run one after the other, so that what waits for time to pass is not disturbed by what burns it. */
const tests = [
  {
    extends: true as const,
    test: {
      name: 'unit',
      include: ['test/**/*.test.ts'],
      exclude: [...SERVERS, ...WHOLE],
      sequence: { groupOrder: 0 },
    },
  },
  {
    extends: true as const,
    test: { name: 'servers', include: SERVERS, exclude: WHOLE, sequence: { groupOrder: 1 } },
  },
  {
    extends: true as const,
    test: { name: 'whole', include: WHOLE, sequence: { groupOrder: 2 }, maxWorkers: 1, testTimeout: 60_000 },
  },
]

const benches = [
  {
    extends: true as const,
    test: { name: 'bench', include: ['test/bench/**/*.bench.ts'], maxWorkers: 1, testTimeout: 3_600_000 },
  },
]

/** `vitest run` runs the tests, `vitest run --mode bench` the benches. */
export default defineConfig(({ mode }) => ({
  root: ROOT,
  test: {
    reporters: ['default', new LastLineReporter()],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    projects: mode === 'bench' ? benches : tests,
  },
}))
