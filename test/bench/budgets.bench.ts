import { afterAll, it } from 'vitest'
import { type Measure, Recorder } from './harness/measure.ts'
import { stopTheMillion } from './harness/pair.ts'
import { coldStart } from './measures/cold-start.ts'
import { formats } from './measures/formats.ts'
import { growthOfChanges, growthOfReplicas, growthOfSeries } from './measures/growth.ts'
import { manyScrapers, openLoop } from './measures/open-loop.ts'
import { otlp } from './measures/otlp.ts'
import { pushLatency } from './measures/push-latency.ts'
import { pushRate } from './measures/push-rate.ts'
import { redisMemory } from './measures/redis-memory.ts'
import { remoteWrite } from './measures/remote-write.ts'
import { memory, scrapeAfterAll, scrapeAfterFew, scrapeUnchanged } from './measures/scrape.ts'

/**
 * In one file, because they share what is dear to fill. Memory is looked at before more than the budget's scrapes is done, and a
 * start before pushes put further families beside the million series.
 */
const MEASURES: readonly Measure[] = [
  pushRate,
  remoteWrite,
  otlp,
  redisMemory,
  formats,
  growthOfSeries,
  growthOfReplicas,
  scrapeAfterFew,
  memory,
  scrapeUnchanged,
  scrapeAfterAll,
  growthOfChanges,
  coldStart,
  pushLatency,
  openLoop,
  manyScrapers,
]

afterAll(stopTheMillion)

// The reporter prints what comes to it by way of `meta`; annotations say how far a measure is.
for (const { id, title, peer, run } of MEASURES) {
  it(`${id}: ${title}`, async ({ task, annotate }) => {
    const startedMs = performance.now()
    const record = new Recorder((progress) => void annotate(progress))
    await run(record)
    task.meta.measured = {
      id,
      title,
      ...(peer === undefined ? {} : { peer }),
      seconds: (performance.now() - startedMs) / 1000,
      samples: record.samples,
    }
  })
}
