import { Counter, Histogram, Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { Tally, TallyHistogram } from '../../../src/telemetry/tally.ts'

const BUCKETS = [0.1, 1, 2.5]
const SECONDS = [0, 0.05, 0.1, 0.100001, 1, 2, 2.5, 3, Number.MAX_VALUE / 2]

describe('a tally', () => {
  it('is seen by its counter once it is settled, each amount once', async () => {
    const registry = new Registry()
    const counter = new Counter({ name: 'c', help: 'h', labelNames: ['a'], registers: [registry] })
    const tally = new Tally(counter, { a: 'x' })
    tally.settle()
    expect(await registry.metrics()).not.toContain('c{')
    tally.add(2)
    tally.add(3)
    tally.settle()
    tally.settle()
    expect(await registry.metrics()).toContain('c{a="x"} 5\n')
  })
})

describe('a histogram with series that are looked up once', () => {
  it('makes the page that a histogram of prom-client makes', async () => {
    const [ours, theirs] = [new Registry(), new Registry()]
    const options = { name: 'seconds', help: 'Help.', buckets: BUCKETS }
    const tallied = new TallyHistogram({ ...options, registry: ours })
    const histogram = new Histogram({ ...options, labelNames: ['a', 'b'], registers: [theirs] })
    for (const labels of [
      { a: '1', b: '2' },
      { a: '1', b: '"' },
    ]) {
      const series = tallied.with(labels)
      for (const value of SECONDS) {
        series.observe(value)
        histogram.observe(labels, value)
      }
    }
    tallied.with({ a: 'never', b: 'observed' })
    expect(await ours.metrics()).toBe(await theirs.metrics())
  })
})
