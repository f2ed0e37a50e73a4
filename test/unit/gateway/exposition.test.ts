import { gunzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { writer } from '../../../src/formats/prometheus-text/index.ts'
import { writeStored } from '../../../src/formats/stored/index.ts'
import { Exposition } from '../../../src/gateway/exposition/exposition.ts'
import { View } from '../../../src/gateway/view/view.ts'
import { unitId } from '../../../src/model/unit.ts'
import type { GroupChange } from '../../../src/store/store.ts'

const UNITS = 2000
const FAMILIES = 10
const SERIES = 10
/** Of a family in a unit, with about 75 bytes for each series. */
const BLOCK_BYTES = 75 * SERIES
const open: Exposition[] = []
afterEach(() => {
  for (const exposition of open.splice(0)) exposition.close()
})

/** A view of one partition, and what is told of it. */
function makeView(units = UNITS) {
  const view = new View(1, { expired: () => undefined, reset: () => undefined })
  let version = 0
  const groupOf = (unit: number, value: (family: number) => number): GroupChange => {
    version++
    const labels = [
      { name: 'instance', value: `node-${unit}` },
      { name: 'job', value: 'batch' },
    ]
    return {
      kind: 'group',
      id: unitId('group', labels),
      version,
      labels,
      createdMs: 1,
      protocol: 'text',
      pushedMs: 1_000 + version,
      failedMs: 0,
      failure: '',
      expiresMs: 0,
      families: Array.from({ length: FAMILIES }, (_, family) => ({
        name: `family_${family}`,
        type: 'gauge' as const,
        series: SERIES,
        version,
        expiresMs: 0,
        pushedMs: 1_000 + version,
        firstSeenMs: unit,
        blob: writeStored({
          name: `family_${family}`,
          type: 'gauge',
          help: '',
          unit: '',
          metrics: Array.from({ length: SERIES }, (_, i) => ({
            labels: [{ name: 'path', value: `/${(unit * 7919 + family * 31 + i) % 1e6}/${i}` }],
            value: value(family) + i,
          })),
        }),
      })),
    }
  }
  const tell = (changes: readonly GroupChange[]) => {
    view.applyPage({ partition: 0, epoch: 'e', wiped: 0, version, nowMs: 1_000, changes, done: true }, 0)
  }
  tell(Array.from({ length: units }, (_, unit) => groupOf(unit, () => unit)))
  const exposition = new Exposition(view, writer, {
    escaping: 'underscores',
    timestamps: false,
    nativeAsClassic: false,
  })
  open.push(exposition)
  return { exposition, tell, groupOf }
}

async function workOf(exposition: Exposition, does: () => unknown) {
  const before = { ...exposition.work }
  await does()
  const { written, compressedBytes, joinedBytes } = exposition.work
  return {
    written: written - before.written,
    compressedBytes: compressedBytes - before.compressedBytes,
    joinedBytes: joinedBytes - before.joinedBytes,
  }
}

describe('an exposition', () => {
  it('does nothing for a page on which nothing changed', async () => {
    const { exposition } = makeView()
    const { chunks } = await exposition.render(true)
    const work = await workOf(exposition, async () => {
      expect((await exposition.render(true)).chunks).toBe(chunks)
    })
    expect(work).toEqual({ written: 0, compressedBytes: 0, joinedBytes: 0 })
  })

  it('renders and compresses a few blocks for each that changed', async () => {
    const { exposition, tell, groupOf } = makeView()
    await exposition.render(true)
    const units = Array.from({ length: UNITS / 100 }, (_, i) => i * 100)
    tell(units.map((unit) => groupOf(unit, () => unit + 1)))
    const work = await workOf(exposition, () => exposition.render(true))
    const changed = units.length * FAMILIES
    // Of the push times, which are short, there are more to a segment.
    expect(work.written).toBeLessThan(changed * 8 + units.length * 45)
    expect(work.compressedBytes).toBeLessThan((changed + units.length) * (4096 + BLOCK_BYTES))
    expect(work.joinedBytes).toBeLessThan((await exposition.render(true)).bytes)
  })

  it('renders only what changed while plain pages are asked for', async () => {
    const { exposition, tell, groupOf } = makeView()
    await exposition.render(false)
    tell([groupOf(7, () => 70_000), groupOf(1007, () => 70_000)])
    const work = await workOf(exposition, () => exposition.render(false))
    expect(work.written).toBe(2 * (FAMILIES + 1))
    expect(work.compressedBytes).toBe(0)
  })

  it('takes a family that is pushed again as it was for no change', async () => {
    const { exposition, tell, groupOf } = makeView()
    await exposition.render(false)
    tell([groupOf(7, (family) => (family === 3 ? 70_000 : 7))])
    const work = await workOf(exposition, () => exposition.render(false))
    // The family and the push time.
    expect(work.written).toBe(2)
    const { chunks } = await exposition.render(false)
    expect(Buffer.concat(chunks).toString()).toContain(
      'family_3{instance="node-7",job="batch",path="/55526/0"} 70000\n',
    )
  })

  it('shares a renewal among scrapes that come together, never one that began before', async () => {
    const { exposition, tell, groupOf } = makeView()
    const early = exposition.render(true)
    tell([groupOf(7, () => 70_000)])
    const late = [exposition.render(true), exposition.render(true), exposition.render(true)]
    const [first, ...others] = await Promise.all(late)
    for (const { chunks } of others) expect(chunks).toBe(first?.chunks)
    expect(gunzipSync(Buffer.concat(first?.chunks ?? [])).toString()).toContain('} 70009\n')
    expect((await early).series).toBe(UNITS * (FAMILIES * SERIES + 2))
  })

  it('shows every scrape what was there before it, however many come while it changes', async () => {
    const { exposition, tell, groupOf } = makeView(300)
    await exposition.render(true)
    const seen: Promise<void>[] = []
    for (let round = 1; round <= 30; round++) {
      const value = 1_000_000 * round
      tell([groupOf(round, () => value)])
      for (const gzip of [true, false]) {
        const look = async () => {
          const { chunks } = await exposition.render(gzip)
          const text = (gzip ? gunzipSync(Buffer.concat(chunks)) : Buffer.concat(chunks)).toString()
          const shown = text.split('\n').filter((line) => line.includes(`instance="node-${round}",`))
          const values = shown.filter((line) => line.startsWith('family_')).map((line) => line.split(' ')[1])
          expect(values).toHaveLength(FAMILIES * SERIES)
          expect(new Set(values.map((text) => Math.trunc(Number(text) / 1000)))).toEqual(
            new Set([value / 1000]),
          )
        }
        seen.push(look())
      }
      if (round % 3 === 0) await new Promise((resolve) => setImmediate(resolve))
      if (round % 10 === 0) await Promise.all(seen.splice(0))
    }
    await Promise.all(seen)
  })

  it.each([true, false])(
    'comes to an end while everything changes all the time, compressed: %s',
    async (gzip) => {
      const { exposition, tell, groupOf } = makeView(300)
      const before = exposition.work.written
      let round = 0
      let isDone = false
      const rendered = exposition.render(gzip).finally(() => {
        isDone = true
      })
      while (!isDone && round < 200) {
        round++
        tell(Array.from({ length: 300 }, (_, unit) => groupOf(unit, () => 1_000_000 * round)))
        await new Promise((resolve) => setImmediate(resolve))
      }
      expect(isDone).toBe(true)
      const { chunks } = await rendered
      expect(exposition.work.written - before).toBeLessThan(2 * 300 * (FAMILIES + 1))
      expect(round).toBeGreaterThan(1)
      const text = (gzip ? gunzipSync(Buffer.concat(chunks)) : Buffer.concat(chunks)).toString()
      const values = text.match(/(?<=^family_.*} ).*/gm) ?? []
      expect(values).toHaveLength(300 * FAMILIES * SERIES)
      // As it was when it was asked for.
      for (const value of values) expect(Number(value)).toBeLessThan(1_000_000)
      const next = await exposition.render(gzip)
      const later = (gzip ? gunzipSync(Buffer.concat(next.chunks)) : Buffer.concat(next.chunks)).toString()
      const last = (later.match(/(?<=^family_.*} ).*/gm) ?? []).map(Number)
      expect(last.every((value) => value >= 1_000_000 * round)).toBe(true)
    },
  )

  it('gives the same page plain and compressed', async () => {
    const { exposition, tell, groupOf } = makeView()
    await exposition.render(true)
    tell([groupOf(7, () => 70_000)])
    const [zipped, plain] = await Promise.all([exposition.render(true), exposition.render(false)])
    expect(gunzipSync(Buffer.concat(zipped.chunks)).equals(Buffer.concat(plain.chunks))).toBe(true)
    expect(plain.series).toBe(zipped.series)
  })
})
