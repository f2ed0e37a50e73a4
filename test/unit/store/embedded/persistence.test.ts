import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PgrError } from '../../../../src/errors/pgr-error.ts'
import { FRAME_BYTES, FRAME_PIECES, framesOf } from '../../../../src/store/embedded/snapshot-file.ts'
import type { Store } from '../../../../src/store/store.ts'
import type { Event } from '../../../../src/telemetry/events.ts'
import { makeFolder, removeFolder } from '../../../support/child.ts'
import { makeClock } from '../../../support/clock.ts'
import { eventually, eventuallyHolds } from '../../../support/eventually.ts'
import { openPersistent, type PersistentOptions } from '../../../support/persistent-store.ts'
import { WIDE_LIMITS } from '../../../support/store-harness.ts'
import { StoreView } from '../../../support/store-view.ts'
import {
  failureOf,
  family,
  jobOf,
  labelsOf,
  mergeOf,
  operation,
  postOf,
  putOf,
  removalOf,
  sample,
  setFamily,
} from '../../../support/store-writes.ts'

const backup = jobOf('backup')
const other = labelsOf(['instance', 'größe\u0000'], ['job', 'other'])

let folder: string
let file: string
let clock: ReturnType<typeof makeClock>
let events: Event[]
const open: Store[] = []

beforeEach(() => {
  folder = makeFolder('persistence')
  file = join(folder, 'state')
  clock = makeClock()
  events = []
})
afterEach(async () => {
  for (const store of open.splice(0)) await store.close()
  removeFolder(folder)
})

async function start(options: Partial<PersistentOptions> = {}): Promise<Store> {
  const store = await openPersistent({
    file,
    now: clock.now,
    tell: (event) => events.push(event),
    ...options,
  })
  open.push(store)
  return store
}

/** What a fresh reader sees. */
async function shown(store: Store): Promise<string[]> {
  const view = new StoreView(store)
  await view.read()
  return view.show()
}

/** Some of everything a store can hold. */
async function fill(store: Store): Promise<void> {
  await store.writeGroup(
    putOf(backup, [family('a', 'one'), family('__proto__', 'two', { type: 'stateset' })]),
  )
  clock.advance(5)
  await store.writeGroup(
    postOf(backup, [family('b', '', { series: 300 })], { ttlMs: 0, protocol: 'protobuf' }),
  )
  await store.failGroup(failureOf(backup, 'because\nof "it"', { ttlMs: 20_000 }))
  await store.writeGroup(putOf(other, [family('big', 'x'.repeat(300_000))], { retentionMs: 60_000 }))
  const metrics = Array.from({ length: 300 }, (_, n) => sample(`n${n}`, n, 1000 + n + clock.now()))
  await store.writeSet(mergeOf(backup, [setFamily('c', metrics, { help: 'Help.', unit: 'seconds' })]))
  await store.writeSet(
    mergeOf(other, [
      setFamily('d', [sample('x', Number.NaN), sample('y', Number.POSITIVE_INFINITY), sample('z', -0)]),
      setFamily('e', [sample('', Buffer.from('blob'))], { type: 'histogram' }),
    ]),
  )
  await store.writeSet(mergeOf(other, [setFamily('d', [sample('x', 'stale')])]))
  await store.remove(removalOf(jobOf('gone')))
}

async function refusal(opened: Promise<Store>): Promise<string> {
  const reason = await opened.then(
    () => undefined,
    (error: unknown) => error,
  )
  expect(reason).toBeInstanceOf(PgrError)
  expect((reason as PgrError).code).toBe('PGR_START_FAILED')
  return (reason as PgrError).message
}

describe('a store that is kept in a file', () => {
  it('begins with nothing where there is no file, and leaves none when nothing was stored', async () => {
    const store = await start()
    expect(await shown(store)).toEqual([])
    await store.close()
    expect(readdirSync(folder)).toEqual([])
  })

  it('shows after a stop what it showed before, to the last time and version', async () => {
    const store = await start()
    await fill(store)
    const before = await shown(store)
    expect(before.length).toBeGreaterThan(300)
    const versions = new StoreView(store)
    await versions.read()
    await store.close()

    const again = await start()
    expect(await shown(again)).toEqual(before)
    const seen = new StoreView(again)
    await seen.read()
    expect(seen.positions[0]?.version).toBe(versions.positions[0]?.version)
    expect((await again.describe()).facts.get('series')).toBe((await store.describe()).facts.get('series'))
    expect((await again.describe()).facts.get('bytes')).toBe((await store.describe()).facts.get('bytes'))
  })

  it('has every reader start over, also one that had come further than the snapshot', async () => {
    const store = await start()
    await fill(store)
    const view = new StoreView(store)
    await view.read()
    await store.close()
    view.store = await start()
    expect((await view.read()).resets).toEqual(['epoch'])

    await view.store.writeGroup(putOf(backup, [family('a', 'new')]))
    const { resets, changes } = await view.read()
    expect([resets, changes.length]).toEqual([[], 1])
    expect(view.texts(backup)).toEqual([['a', 'new']])
  })

  it('goes on with pages of a set, and with removals', async () => {
    const store = await start()
    await fill(store)
    await store.close()
    const again = await start()
    const view = new StoreView(again)
    await view.read()
    await again.writeSet(mergeOf(backup, [setFamily('c', [sample('n299', 7), sample('new', 8)])]))
    await again.remove(removalOf(other))
    await view.read()
    expect(view.values(backup, 'c')).toHaveLength(301)
    expect(view.values(backup, 'c')).toContainEqual(['n299', 7])
    expect(view.group(other)).toBeUndefined()
  })

  it('does not bring back what expired meanwhile, a part of a group or set included', async () => {
    const store = await start()
    await store.writeGroup(putOf(backup, [family('short', 'a')], { ttlMs: 1000 }))
    await store.writeGroup(postOf(backup, [family('long', 'b')], { ttlMs: 9000 }))
    await store.writeGroup(putOf(other, [family('short', 'a')], { ttlMs: 1000 }))
    const set = (n: string, ttlMs: number) =>
      store.writeSet(mergeOf(backup, [setFamily('c', [sample(n, 1)])], { ttlMs }))
    await set('short', 1000)
    await set('long', 9000)
    await store.writeSet(mergeOf(other, [setFamily('c', [sample('short', 1)])], { ttlMs: 1000 }))
    await store.close()

    clock.advance(1000)
    const again = await start()
    const { facts } = await again.describe()
    expect([facts.get('units'), facts.get('series')]).toEqual([2, 2])
    const view = new StoreView(again)
    await view.read()
    expect(view.texts(backup)).toEqual([['long', 'b']])
    expect(view.values(backup, 'c')).toEqual([['long', 1]])
    expect(events).toContainEqual(
      expect.objectContaining({ facts: { file, units: 2, series: 2, expired: 2 } }),
    )
  })

  it('still lets the rest expire, and sweeps it', async () => {
    const store = await start()
    await store.writeGroup(putOf(backup, [family('a', 'a')], { ttlMs: 1000 }))
    await store.writeSet(mergeOf(other, [setFamily('c', [sample('x', 1)])], { ttlMs: 1000 }))
    await store.close()
    const again = await start()
    const view = new StoreView(again)
    await view.read()
    expect(view.show()).toHaveLength(3)
    clock.advance(1000)
    await again.sweep()
    await view.read()
    expect([view.show(), (await again.describe()).facts.get('units')]).toEqual([[], 0])
  })

  it('never lets its time run backwards', async () => {
    const store = await start()
    const { nowMs } = await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await store.close()
    clock.advance(-60_000)
    expect((await (await start()).writeGroup(putOf(backup, [family('a', 'two')]))).nowMs).toBe(nowMs)
  })

  it('knows the ids of recent writes, and forgets the others', async () => {
    const store = await start({ operationRetentionMs: 1000 })
    const fence = operation()
    await store.writeGroup(putOf(backup, [family('a', 'one')], fence))
    await store.writeGroup(putOf(backup, [family('a', 'two')]))
    await store.close()

    const again = await start({ operationRetentionMs: 1000 })
    expect(await again.writeGroup(putOf(backup, [family('a', 'one')], fence))).toMatchObject({
      duplicate: true,
    })
    await again.writeGroup(putOf(backup, [family('a', 'three')]))
    await again.close()
    clock.advance(10_000)
    const late = await start({ operationRetentionMs: 1000 })
    expect((await late.describe()).facts.get('operations')).toBe(0)
  })

  it('has forgotten what was wiped', async () => {
    const store = await start()
    await fill(store)
    await store.wipe(operation())
    await store.writeGroup(putOf(backup, [family('a', 'later')]))
    await store.close()
    const view = new StoreView(await start())
    await view.read()
    expect(view.size).toBe(1)
    expect(view.texts(backup)).toEqual([['a', 'later']])
  })

  it('counts what it brought back against its limits, and lets it be replaced', async () => {
    const limits = { ...WIDE_LIMITS, series: 2 }
    const store = await start()
    await store.writeGroup(putOf(backup, [family('a', 'a', { series: 3 })]))
    await store.close()
    const again = await start({ limits })
    await again.writeGroup(putOf(backup, [family('a', 'b', { series: 3 })]))
    await expect(again.writeGroup(putOf(other, [family('a', 'a')]))).rejects.toMatchObject({
      code: 'PGR_QUOTA_EXCEEDED',
    })
  })

  it('says in its report where it is kept', async () => {
    const store = await start()
    expect((await store.describe()).facts.get('persistence')).toBe(file)
    expect((await store.describe()).findings).toMatchObject([{ finding: 'snapshot', ok: true, where: file }])
  })
})

describe('the rhythm of snapshots', () => {
  it('is that of the interval, when something changed', async () => {
    const store = await start({ intervalMs: 20 })
    await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await eventually('a snapshot', () => events.some(({ kind }) => kind === 'store.snapshot'))
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(events.filter(({ kind }) => kind === 'store.snapshot')).toMatchObject([{ ok: true }])

    // As after a kill: the file alone is left.
    const copy = await openPersistent({ file, now: clock.now })
    expect(await shown(copy)).toEqual(await shown(store))
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('ends with a last one, and with the second close nothing happens', async () => {
    const store = await start()
    await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await Promise.all([store.close(), store.close()])
    expect(events.filter(({ kind }) => kind === 'store.snapshot')).toHaveLength(1)
    await expect(store.writeGroup(putOf(backup, []))).rejects.toMatchObject({ code: 'PGR_STORE_UNAVAILABLE' })
  })
})

describe('a snapshot', () => {
  it('is of one instant, whatever is written while it is', async () => {
    const units = 60
    const copies: string[] = []
    const store = await start({
      intervalMs: 5,
      tell: (event) => {
        if (event.kind !== 'store.snapshot' || !event.ok) return
        copies.push(join(folder, `copy${copies.length}`))
        copyFileSync(file, copies.at(-1) ?? '')
      },
    })
    /** Unit by unit in the same order, so that at any instant some have this round's number and the rest the last one's. */
    async function write(unit: number, round: number): Promise<void> {
      const labels = jobOf(`job${unit}`)
      if (unit % 3 === 0) await store.remove(removalOf(labels))
      if (unit % 2 === 0) {
        await store.writeGroup(
          putOf(labels, [family('n', String(round)), family('load', 'x'.repeat(50_000))]),
        )
      } else {
        const load = Array.from({ length: 400 }, (_, n) => sample(`n${n}`, Buffer.alloc(100)))
        await store.writeSet(mergeOf(labels, [setFamily('n', [sample('', round)]), setFamily('load', load)]))
      }
    }
    for (let round = 1; copies.length < 6 || round < 10; round++) {
      for (let unit = 0; unit < units; unit++) {
        await write(unit, round)
        // Faster than the snapshot comes forward, which goes through them in the same order.
        if (unit % 7 === 0) await new Promise(setImmediate)
      }
    }

    const splits: number[] = []
    for (const copy of copies.slice(1)) {
      const view = new StoreView(await openPersistent({ file: copy, now: clock.now }))
      await view.read()
      const rounds = Array.from({ length: units }, (_, unit) => {
        const labels = jobOf(`job${unit}`)
        if (unit % 2 === 1) return Number(view.values(labels, 'n')[0]?.[1] ?? 0)
        return Number(view.texts(labels)?.find(([name]) => name === 'n')?.[1] ?? 0)
      })
      const first = rounds[0] ?? 0
      const split = rounds.findIndex((round) => round !== first)
      splits.push(split)
      const rest = split === -1 ? [] : rounds.slice(split)
      expect(rest.filter((round) => round !== first - 1)).toEqual([])
    }
    expect(splits.length).toBeGreaterThan(4)
    expect(splits.some((split) => split > 0)).toBe(true)
  }, 60_000)

  it('of a million series lets the event loop take a turn at every frame', async () => {
    const store = await start()
    const blob = Buffer.alloc(4000)
    for (let n = 0; n < 8000; n++) {
      await store.writeGroup(putOf(jobOf(`job${n}`), [family('a', '', { series: 100, blob })]))
    }
    const metrics = Array.from({ length: 20_000 }, (_, n) => sample(`n${n}`, n))
    for (let n = 0; n < 10; n++) await store.writeSet(mergeOf(jobOf(`set${n}`), [setFamily('a', metrics)]))
    expect((await store.describe()).facts.get('series')).toBe(1_000_000)

    let turns = 0
    let counting = true
    const count = () => {
      turns++
      if (counting) setImmediate(count)
    }
    setImmediate(count)
    await store.close()
    counting = false
    expect(statSync(file).size).toBeGreaterThan(40e6)
    expect(turns).toBeGreaterThanOrEqual(Math.floor(statSync(file).size / FRAME_BYTES))
    expect(
      (await openPersistent({ file, now: clock.now }).then((again) => again.describe())).facts.get('series'),
    ).toBe(1_000_000)
  }, 60_000)

  it('does bounded work between two turns, however small or large its pieces are', () => {
    let taken = 0
    function* pieces(): Generator<Uint8Array> {
      for (let n = 0; n < 3 * FRAME_PIECES; n++, taken++) yield new Uint8Array(n % 2)
      for (let n = 0; n < 2 * FRAME_PIECES; n++, taken++) yield new Uint8Array()
      yield new Uint8Array(5 * FRAME_BYTES)
    }
    let before = 0
    let bytes = 0
    for (const { byteLength } of framesOf(pieces())) {
      expect(taken - before).toBeLessThanOrEqual(FRAME_PIECES)
      expect(byteLength).toBeLessThanOrEqual(FRAME_BYTES + 8)
      before = taken
      bytes += byteLength
    }
    expect(bytes).toBeGreaterThan(5 * FRAME_BYTES + 1.5 * FRAME_PIECES)
  })
})

describe('a file that cannot be used refuses the start', () => {
  async function written(): Promise<Buffer> {
    const store = await start()
    await store.writeGroup(putOf(backup, [family('a', 'one'), family('b', 'two')]))
    await store.writeSet(mergeOf(backup, [setFamily('c', [sample('x', 1)])]))
    await store.close()
    return readFileSync(file)
  }

  it('when any one of its bytes is another', async () => {
    const whole = await written()
    expect(whole.length).toBeGreaterThan(200)
    for (let at = 0; at < whole.length; at++) {
      const damaged = Buffer.from(whole)
      damaged.writeUInt8(damaged.readUInt8(at) ^ (1 << (at % 8)), at)
      writeFileSync(file, damaged)
      expect(await refusal(openPersistent({ file })), `byte ${at}`).toMatch(
        /^the snapshot \S+ (is damaged: |is no snapshot of pgr;).*or move it away to start with nothing stored$/,
      )
    }
    writeFileSync(file, whole)
  })

  it('when it ends too early, wherever, or goes on too long', async () => {
    const whole = await written()
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(file, whole.subarray(0, length))
      await refusal(openPersistent({ file }))
    }
    for (const more of [Buffer.alloc(1), Buffer.alloc(8), whole.subarray(-40), whole]) {
      writeFileSync(file, Buffer.concat([whole, more]))
      await refusal(openPersistent({ file }))
    }
    writeFileSync(file, whole)
  })

  it.each([
    ['nothing', ''],
    ['text', 'port: 9753\n'],
    ['what Pushgateway writes', '\u0012\u007f\u0003\u0001\u0002\u007f\u0080\u0000'],
  ])('when it holds %s', async (_what, content) => {
    writeFileSync(file, content)
    expect(await refusal(start())).toBe(
      `the snapshot ${file} is no snapshot of pgr; give --persistence.file another name, or move it away to start with nothing stored`,
    )
    expect(readFileSync(file, 'utf8')).toBe(content)
  })

  it('when it is a folder', async () => {
    mkdirSync(file)
    expect(await refusal(start())).toMatch(/cannot be read: EISDIR/)
  })
})

describe('half a file that was on its way', () => {
  it('does not count, and is written over', async () => {
    const store = await start()
    await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await store.close()
    writeFileSync(`${file}.tmp`, readFileSync(file).subarray(0, 50))

    const again = await start()
    await again.writeGroup(putOf(other, [family('b', 'two')]))
    await again.close()
    expect(readdirSync(folder)).toEqual(['state'])
    expect(await shown(await start())).toHaveLength(4)
  })
})

describe('a snapshot that cannot be written', () => {
  it('is told and counted, and the store goes on', async () => {
    const store = await start({ intervalMs: 10 })
    rmSync(folder, { recursive: true })
    await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await eventually('a failure', () => events.some((event) => event.kind === 'store.snapshot' && !event.ok))
    const told = events.find((event) => event.kind === 'store.finding' && !event.ok)
    expect(told).toMatchObject({
      finding: 'snapshot',
      message: expect.stringMatching(/cannot be written.*ENOENT/),
    })
    expect((await store.describe()).findings).toMatchObject([{ finding: 'snapshot', ok: false }])
    await store.writeGroup(putOf(backup, [family('a', 'two')]))

    mkdirSync(folder)
    await eventually('a snapshot', () => events.some((event) => event.kind === 'store.snapshot' && event.ok))
    expect((await store.describe()).findings).toMatchObject([{ finding: 'snapshot', ok: true }])
    // The first may be of before the last push.
    await eventuallyHolds(async () =>
      expect(await shown(await openPersistent({ file, now: clock.now }))).toEqual(await shown(store)),
    )
  })

  it('leaves the one before as it was, and no half file', async () => {
    const store = await start()
    await store.writeGroup(putOf(backup, [family('a', 'one')]))
    await store.close()
    const whole = readFileSync(file)
    // Nothing can be written where a folder is.
    mkdirSync(join(`${file}.tmp`, 'x'), { recursive: true })
    const again = await start()
    await again.writeGroup(putOf(backup, [family('a', 'two')]))
    await again.close()
    expect(readFileSync(file)).toEqual(whole)
    expect(events.at(-1)).toMatchObject({ kind: 'store.finding', ok: false })
  })

  it('is told at the start where there is no folder for it', async () => {
    await start({ file: join(folder, 'missing', 'state') })
    expect(events).toContainEqual(expect.objectContaining({ kind: 'store.finding', ok: false }))
  })
})
