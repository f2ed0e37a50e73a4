import type { Reporter, TestModule } from 'vitest/node'
import { missingPeerOf, PEER_NAMES, peer } from './peers.ts'

/**
 * Ends the output of a run with what a machine wants to count and a person must not overlook:
 *
 *     prometheus was not found: 3 tests skipped
 *     120 passed, 0 failed, 3 skipped
 *
 * A file that could not be loaded, and an error outside every test, count as one failure each.
 */
export class LastLineReporter implements Reporter {
  onInit(): void {
    const { CI } = process.env
    if (CI === undefined) return
    const found = PEER_NAMES.map((name) => `${name} ${peer(name)?.version ?? '(missing)'}`)
    process.stdout.write(`peers: ${found.join(', ')}\n`)
  }

  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const text = summarise(modules, errors.length)
    // Other reporters and the tear-down may still write; nothing writes after this.
    process.once('exit', () => process.stdout.write(text))
  }
}

function summarise(modules: readonly TestModule[], errorsOutside: number): string {
  const counts = { passed: 0, failed: errorsOutside, skipped: 0 }
  const skippedFor = new Map<string, number>()
  for (const module of modules) {
    counts.failed += module.errors().length
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      if (state === 'passed' || state === 'failed') counts[state]++
      if (state === 'skipped' || state === 'pending') counts.skipped++
      const peer = state === 'skipped' ? missingPeerOf(test.fullName) : undefined
      if (peer !== undefined) skippedFor.set(peer, (skippedFor.get(peer) ?? 0) + 1)
    }
  }
  const missing = [...skippedFor].map(
    ([peer, tests]) => `${peer} was not found: ${tests} ${tests === 1 ? 'test' : 'tests'} skipped`,
  )
  return [...missing, `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`, ''].join(
    '\n',
  )
}
