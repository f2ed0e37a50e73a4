import { describe, expect, it } from 'vitest'
import type { ExportedUnit } from '../../../src/formats/ndjson/index.ts'
import type { Family } from '../../../src/model/family.ts'
import { makeClock } from '../../support/clock.ts'
import {
  embeddedStore,
  labelsOf,
  openTestGateway,
  type TestGateway,
  TTL_MS,
} from '../../support/open-gateway.ts'

const clock = makeClock()

function open(): TestGateway['gateway'] {
  return openTestGateway(embeddedStore(clock.now)).gateway
}

function gauge(
  name: string,
  value: number,
  labels: Record<string, string> = {},
  timestampMs?: number,
): Family {
  const metric = { labels: labelsOf(labels), value, ...(timestampMs === undefined ? {} : { timestampMs }) }
  return { name, type: 'gauge', help: '', unit: '', metrics: [metric] }
}

async function snapshot(gateway: TestGateway['gateway']): Promise<() => readonly ExportedUnit[]> {
  const { units } = await gateway.snapshot({ deadlineMs: performance.now() + 5000 })
  return () => units.map((unit) => unit.read())
}

const usual = () => ({ protocol: 'text', deadlineMs: performance.now() + 5000, bytes: 1 })

describe('a snapshot', () => {
  it('has what is left of lifetimes, by the clock of the store', async () => {
    const gateway = open()
    const group = labelsOf({ job: 'a' })
    await gateway.push({ mode: 'put', group, families: [gauge('x', 1)], ...usual() })
    await gateway.push({ mode: 'post', group, families: [gauge('y', 2)], ttlMs: 0, ...usual() })
    clock.advance(60_000)
    const [unit] = (await snapshot(gateway))()
    expect(unit?.lots.map(({ family, ttlMs }) => [family.name, ttlMs])).toEqual([
      ['x', TTL_MS - 60_000],
      ['y', 0],
    ])
  })

  it('is of one instant: what is pushed, merged or removed later does not change it', async () => {
    const gateway = open()
    const group = labelsOf({ job: 'a' })
    await gateway.push({ mode: 'put', group, families: [gauge('x', 1)], ...usual() })
    await gateway.ingest({ families: [gauge('s', 1, { job: 'b' })], ...usual() })
    const read = await snapshot(gateway)
    const before = read()
    await gateway.push({ mode: 'put', group, families: [gauge('x', 2), gauge('z', 3)], ...usual() })
    await gateway.ingest({ families: [gauge('s', 2, { job: 'b' }), gauge('t', 2, { job: 'b' })], ...usual() })
    expect(read()).toEqual(before)
    await gateway.wipe({ deadlineMs: performance.now() + 5000 })
    expect(read()).toEqual(before)
    expect(before.map(({ kind, lots }) => [kind, lots.length])).toEqual([
      ['group', 1],
      ['set', 1],
    ])
  })

  it('has the timestamps that were given, and lots by lifetime', async () => {
    const gateway = open()
    const timestampMs = clock.now() - 1000
    await gateway.ingest({
      families: [gauge('s', 1, { job: 'b', x: '1' }, timestampMs)],
      ttlMs: 20_000,
      ...usual(),
    })
    await gateway.ingest({ families: [gauge('s', 2, { job: 'b', x: '2' })], ttlMs: 0, ...usual() })
    const [unit] = (await snapshot(gateway))()
    expect(unit?.lots).toEqual([
      { ttlMs: 20_000, family: gauge('s', 1, { x: '1' }, timestampMs) },
      { ttlMs: 0, family: gauge('s', 2, { x: '2' }) },
    ])
  })
})
