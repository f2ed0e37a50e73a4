import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterEach, describe, expect, it } from 'vitest'
import { readerFor } from '../../../src/formats/index.ts'
import { embeddedStore, openTestGateway, type TestGateway } from '../../support/open-gateway.ts'

setFlagsFromString('--expose_gc')
const collectGarbage: () => void = runInNewContext('gc')

const PADDING_BYTES = 200_000
const BODIES = 100
const OPTIONS = {
  utf8Names: false,
  limits: { labelsPerSeries: 64, nameLength: 1024, valueLength: 16_384, seriesPerPush: 1000 },
}

let open: TestGateway | undefined
afterEach(async () => {
  await open?.gateway.stop()
  open = undefined
})

const families = (n: number) => {
  const line = `a_name_that_is_kept_for_long_${n % 7}{instance="the instance number ${n}",a_label_that_is_kept="a value that is kept, number ${n}"} 1\n`
  return readerFor('text/plain').read(Buffer.from(`# ${'x'.repeat(PADDING_BYTES)}\n${line}`), OPTIONS)
}

// Stores and the view keep what is pushed; limits count that and not the body it came in.
describe('what is stored keeps no body alive', () => {
  it.each([
    [
      'of a push',
      (n: number) =>
        open?.gateway.push({
          mode: 'put',
          group: [{ name: 'job', value: `job ${n}` }],
          families: families(n),
          protocol: 'text',
          deadlineMs: performance.now() + 5000,
          bytes: PADDING_BYTES,
        }),
    ],
    [
      'of an ingest',
      (n: number) =>
        open?.gateway.ingest({
          families: families(n),
          protocol: 'text',
          deadlineMs: performance.now() + 5000,
          bytes: PADDING_BYTES,
        }),
    ],
  ])('%s', async (_what, store) => {
    open = openTestGateway(embeddedStore(() => Date.now()))
    await store(0)
    collectGarbage()
    const before = process.memoryUsage()
    for (let n = 1; n <= BODIES; n++) await store(n)
    collectGarbage()
    const after = process.memoryUsage()
    const grownBytes = after.heapUsed + after.external - before.heapUsed - before.external
    // Some are still to be collected, and what is stored takes room as well.
    expect(grownBytes).toBeLessThan((BODIES * PADDING_BYTES) / 3)
  })
})
