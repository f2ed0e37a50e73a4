import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BenchReporter } from './bench/harness/reporter.ts'
import { soakSettings } from './faults/soak-settings.ts'
import { LastLineReporter } from './support/last-line-reporter.ts'
import { requiredPeers } from './support/peers.ts'

// A misspelt name in PGR_TEST_REQUIRE would require nothing and hide skips; this stops the run instead.
requiredPeers()

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/** What starts servers and talks to them. */
const SERVERS = ['test/redis/**/*.test.ts', 'test/**/*.redis.test.ts', 'test/support/**/*.test.ts']
/** What runs whole gateways, and other people's programs, as processes. */
const WHOLE = [
  'test/e2e/**/*.test.ts',
  'test/browser/**/*.test.ts',
  'test/differential/**/*.test.ts',
  'test/**/*.e2e.test.ts',
]
/** What breaks things under load: the short tier of every run, and the rest, which takes many minutes. */
const FAULTS = ['test/faults/**/*.test.ts']
const LONG_FAULTS = ['test/faults/**/*.long.ts']

/**
 * Projects run one after the other, so that what waits for time to pass is not disturbed by what burns it. Files share the modules of
 * their worker: to load them for every file anew took a quarter of the time.
 */
const tests = [
  {
    extends: true as const,
    test: {
      name: 'unit',
      include: ['test/**/*.test.ts'],
      exclude: [...SERVERS, ...WHOLE, ...FAULTS],
      isolate: false,
      sequence: { groupOrder: 0 },
    },
  },
  {
    extends: true as const,
    test: {
      name: 'servers',
      include: SERVERS,
      exclude: WHOLE,
      isolate: false,
      sequence: { groupOrder: 1 },
    },
  },
  {
    extends: true as const,
    test: {
      name: 'whole',
      include: WHOLE,
      isolate: false,
      sequence: { groupOrder: 2 },
      testTimeout: 60_000,
    },
  },
  faults(FAULTS, 60_000, 3),
]

const benches = [
  {
    extends: true as const,
    test: { name: 'bench', include: ['test/bench/**/*.bench.ts'], maxWorkers: 1, testTimeout: 3_600_000 },
  },
]

/** What reads strangers' bytes, millions of times. */
const fuzzes = [
  {
    extends: true as const,
    test: { name: 'fuzz', include: ['test/fuzz/**/*.fuzz.ts'], maxWorkers: 1, testTimeout: 3_600_000 },
  },
]

const TEN_MINUTES_MS = 600_000

const projects = new Map([
  ['bench', benches],
  ['fuzz', fuzzes],
  ['faults', [faults([...FAULTS, ...LONG_FAULTS], TEN_MINUTES_MS)]],
  [
    'soak',
    [faults(['test/faults/**/*.soak.ts'], soakSettings(process.env).minutes * 60_000 + TEN_MINUTES_MS)],
  ],
])

/** Faults are timed, so one file runs after the other. */
function faults(include: string[], testTimeout: number, groupOrder = 0) {
  return {
    extends: true as const,
    test: {
      name: 'faults',
      include,
      globalSetup: 'test/faults/fault-table.ts',
      sequence: { groupOrder },
      maxWorkers: 1,
      testTimeout,
    },
  }
}

/** `vitest run` runs the tests; `--mode` takes `bench`, `fuzz`, `faults` for the short and the long tier of faults, and `soak`. */
export default defineConfig(({ mode }) => ({
  root: ROOT,
  test: {
    reporters: [mode === 'bench' ? new BenchReporter() : 'default', new LastLineReporter()],
    testTimeout: 20_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    projects: projects.get(mode) ?? tests,
  },
}))
