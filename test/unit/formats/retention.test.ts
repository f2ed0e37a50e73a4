import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { readerFor } from '../../../src/formats/index.ts'
import type { Labels } from '../../../src/model/labels.ts'

setFlagsFromString('--expose_gc')
const collectGarbage: () => void = runInNewContext('gc')

const PADDING_BYTES = 8 * 1024 * 1024
const BODIES = 8
const OPTIONS = {
  utf8Names: false,
  limits: { labelsPerSeries: 64, nameLength: 1024, valueLength: 16_384, seriesPerPush: 1000 },
}

const padding = 'x'.repeat(PADDING_BYTES)
const kept = (n: number) =>
  `a_name_that_is_kept_for_long_${n}{a_label_that_is_kept="a value that is kept, number ${n}"} 1\n`

// A store keeps names and labels; limits count these and not the body they came in.
describe('what is kept of a body does not keep the body alive', () => {
  it.each([
    ['text', 'text/plain', (n: number) => `# ${padding}\n${kept(n)}`],
    ['text, padded by HELP', 'text/plain', (n: number) => `# HELP other ${padding}\nother 1\n${kept(n)}`],
    [
      'OpenMetrics',
      'application/openmetrics-text',
      (n: number) => `# HELP other ${padding}\nother 1\n${kept(n)}# EOF\n`,
    ],
    [
      'OpenMetrics, padded by HELP of its own',
      'application/openmetrics-text',
      (n: number) => `# HELP a_name_that_is_kept_for_long_${n} ${padding}\n${kept(n)}# EOF\n`,
    ],
  ])('in %s', (_what, type, bodyOf) => {
    const names: string[] = []
    const labels: Labels[] = []
    collectGarbage()
    const before = process.memoryUsage().heapUsed
    for (let n = 0; n < BODIES; n++) {
      const family = readerFor(type)
        .read(Buffer.from(bodyOf(n)), OPTIONS)
        .at(-1)
      names.push(family?.name ?? '')
      labels.push(family?.metrics[0]?.labels ?? [])
    }
    collectGarbage()
    const grownBytes = process.memoryUsage().heapUsed - before
    expect(names).toEqual(Array.from({ length: BODIES }, (_, n) => `a_name_that_is_kept_for_long_${n}`))
    expect(labels.every(({ length }) => length === 1)).toBe(true)
    // The last body may still be on the stack; keeping them would be all eight.
    expect(grownBytes).toBeLessThan(3 * PADDING_BYTES)
  })
})
