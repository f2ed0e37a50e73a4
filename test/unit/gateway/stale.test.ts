import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { PgrError } from '../../../src/errors/pgr-error.ts'
import { openTestGateway, type TestGateway } from '../../support/open-gateway.ts'
import { jobsIn, openTwoPartStore, type TwoPartStore } from '../../support/two-part-store.ts'

const MAX_STALE_MS = 60_000

const [near = '', otherNear = ''] = jobsIn(0)
const [far = ''] = jobsIn(1)

/** The clock of the store; `performance.now` is set by hand as well, and the two are apart. */
let storeMs: number
let store: TwoPartStore
let one: TestGateway

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance'] })
  storeMs = 1_700_000_000_000
  store = openTwoPartStore(() => storeMs)
  one = openTestGateway(store, { maxStaleMs: MAX_STALE_MS })
})

afterEach(() => {
  vi.useRealTimers()
})

/** Time passes for the gateway alone. */
function pass(ms: number): void {
  vi.advanceTimersByTime(ms)
}

async function scrape(from = one): Promise<{ lines: string[]; ageSeconds: number }> {
  const { chunks, ageSeconds } = await from.gateway.scrape({
    format: 'text',
    escaping: 'allow-utf-8',
    gzip: false,
    deadlineMs: performance.now() + 5000,
  })
  const lines = Buffer.concat(chunks).toString().split('\n')
  return { lines: lines.filter((line) => /^[a-z]\{/.test(line)), ageSeconds }
}

async function refusal(from = one): Promise<string> {
  try {
    const { ageSeconds } = await scrape(from)
    return `a page of age ${ageSeconds}`
  } catch (reason) {
    return PgrError.from(reason, 'PGR_INTERNAL').code
  }
}

const line = (name: string, job: string, value: number) => `${name}{instance="",job="${job}"} ${value}`

describe('while the store is away', () => {
  it.each([
    ['whole', [0, 1], 'PGR_STORE_UNAVAILABLE'],
    ['in part', [1], 'PGR_STORE_DEGRADED'],
  ] as const)('%s, a scrape fails unless a stale page is allowed', async (_how, parts, code) => {
    const strict = openTestGateway(store)
    await strict.push('put', { job: near }, 'x 1\n')
    expect(await refusal(strict)).toBe('a page of age 0')
    for (const part of parts) store.away.add(part)
    expect(await refusal(strict)).toBe(code)
  })

  it('the last page is served with its age, until it is too old', async () => {
    await one.push('put', { job: near }, 'x 1\n')
    await one.push('put', { job: far }, 'x 2\n')
    const fresh = await scrape()
    expect(fresh).toEqual({ lines: [line('x', near, 1), line('x', far, 2)].sort(), ageSeconds: 0 })
    store.away.add(0).add(1)
    pass(1)
    expect(await scrape()).toEqual({ ...fresh, ageSeconds: 0.001 })
    pass(MAX_STALE_MS - 1)
    expect(await scrape()).toEqual({ ...fresh, ageSeconds: 60 })
    pass(1)
    expect(await refusal()).toBe('PGR_STORE_UNAVAILABLE')
    store.away.clear()
    expect(await scrape()).toEqual(fresh)
  })

  it('the age counts from when the last complete view was asked for, not from when it was there', async () => {
    store.beforePage = async () => pass(500)
    await scrape()
    store.away.add(0).add(1)
    // Two pages of half a second each.
    expect((await scrape()).ageSeconds).toBe(1)
  })

  it('nothing is shown past its time, although the store tells no time', async () => {
    await one.push('put', { job: near }, 'x 1\n', 10_000)
    await one.push('put', { job: far }, 'x 2\n', 20_000)
    await one.ingest('m{job="a",instance="b"} 1\n', undefined, 10_000)
    expect((await scrape()).lines).toHaveLength(3)
    store.away.add(0).add(1)
    pass(9_999)
    expect((await scrape()).lines).toHaveLength(3)
    pass(1)
    expect((await scrape()).lines).toEqual([line('x', far, 2)])
    pass(10_000)
    expect((await scrape()).lines).toEqual([])
  })

  it('what the other part has is shown as of now beside what the lost part had', async () => {
    await one.push('put', { job: near }, 'x 1\n')
    await one.push('put', { job: far }, 'x 2\n')
    await scrape()
    store.away.add(1)
    pass(5000)
    const elsewhere = openTestGateway(store)
    await elsewhere.push('put', { job: near }, 'x 3\n')
    const { lines, ageSeconds } = await scrape()
    expect(lines.sort()).toEqual([line('x', near, 3), line('x', far, 2)].sort())
    expect(ageSeconds).toBe(5)
  })

  it('a part that answers does not make the page younger', async () => {
    await one.push('put', { job: far }, 'x 2\n')
    await scrape()
    store.away.add(1)
    for (let second = 0; second < 60; second++) {
      pass(1000)
      await scrape()
    }
    pass(1)
    expect(await refusal()).toBe('PGR_STORE_DEGRADED')
  })

  it.each([
    ['nothing was ever read', [0, 1], 'PGR_STORE_UNAVAILABLE'],
    ['a part was never read', [1], 'PGR_STORE_DEGRADED'],
  ] as const)('there is no page when %s', async (_why, parts, code) => {
    for (const part of parts) store.away.add(part)
    expect(await refusal()).toBe(code)
    pass(1000)
    expect(await refusal()).toBe(code)
  })

  it('there is no page when it went in the middle of being read anew', async () => {
    for (const job of [near, otherNear]) await one.push('put', { job }, 'x 1\n')
    await scrape()
    store.lose(0)
    const elsewhere = openTestGateway(store)
    for (const job of [near, otherNear]) await elsewhere.push('put', { job }, 'x 2\n')
    store.beforePage = async ({ changes }) => {
      if (changes.some((change) => change.version === 2)) store.away.add(0).add(1)
    }
    expect(await refusal()).toBe('PGR_STORE_UNAVAILABLE')
    store.beforePage = async () => {}
    expect(await refusal()).toBe('PGR_STORE_UNAVAILABLE')
    store.away.clear()
    expect((await scrape()).lines).toHaveLength(2)
  })

  it('there is no page when an operator has to act', async () => {
    await scrape()
    store.beforePage = () => Promise.reject(new PgrError('PGR_STORE_MISCONFIGURED', 'no'))
    expect(await refusal()).toBe('PGR_STORE_MISCONFIGURED')
  })

  it('there is a page also when the store never answers', async () => {
    await one.push('put', { job: near }, 'x 1\n')
    await scrape()
    store.beforePage = () => new Promise(() => {})
    const { chunks, ageSeconds } = await one.gateway.scrape({
      format: 'text',
      escaping: 'allow-utf-8',
      gzip: false,
      deadlineMs: performance.now() + 20,
    })
    expect(Buffer.concat(chunks).toString()).toContain(line('x', near, 1))
    expect(ageSeconds).toBeGreaterThanOrEqual(0)
  })
})

describe('once the store is back', () => {
  it('its own clock counts again: a short-lived push is shown', async () => {
    await scrape()
    store.away.add(0).add(1)
    pass(50_000)
    await scrape()
    store.away.clear()
    await one.push('put', { job: near }, 'x 1\n', 1000)
    expect(await scrape()).toEqual({ lines: [line('x', near, 1)], ageSeconds: 0 })
  })

  it('a sample of now is not taken for one of the future, however long ago its clock was heard of', async () => {
    await scrape()
    pass(20 * 60_000)
    storeMs += 20 * 60_000
    await one.ingest(`m{job="a",instance="b"} 1 ${storeMs}\n`)
    const future = one.ingest(`m{job="a",instance="b"} 1 ${storeMs + 11 * 60_000}\n`)
    await expect(future).rejects.toMatchObject({ code: 'PGR_PUSH_INVALID' })
  })

  it('what was hidden too early by a clock that runs fast is shown again with its group', async () => {
    await one.push('put', { job: near }, 'x 1\n', 10_000)
    await scrape()
    store.away.add(0).add(1)
    pass(11_000)
    expect((await scrape()).lines).toEqual([])
    store.away.clear()
    await one.push('post', { job: near }, 'y 1\n')
    expect((await scrape()).lines).toEqual([line('x', near, 1), line('y', near, 1)])
  })
})

describe('a page', () => {
  it('is not made from a view that somebody else began to read anew meanwhile', async () => {
    const jobs: string[] = []
    for (const job of jobsIn(0)) if (jobs.push(job) === 20) break
    const elsewhere = openTestGateway(store)
    const pushAll = async () => {
      for (const job of jobs) await elsewhere.push('put', { job }, 'x 1\n')
    }
    await pushAll()
    await scrape()

    // The poll of the first scrape finds nothing new. Then history is lost, and the poll of the second reads everything
    // anew and stops half way until the first is answered, or has had every chance to be.
    let answered = false
    let pages = 0
    store.beforePage = async ({ partition }) => {
      if (partition === 1) {
        store.lose(0)
        store.beforePage = async () => {
          if (++pages !== 10) return
          for (let turn = 0; turn < 500 && !answered; turn++) await nextTurn()
        }
        await pushAll()
      }
    }
    // Every look at the clock takes a while, so that rendering takes many turns.
    const read = performance.now.bind(performance)
    let looks = 0
    const now = vi.spyOn(performance, 'now').mockImplementation(() => read() + looks++)
    try {
      const first = one.page({ format: 'openmetrics' }).finally(() => {
        answered = true
      })
      const second = one.page({ format: 'openmetrics' })
      for (const page of [await first, await second])
        expect(page.filter((text) => text.startsWith('x{'))).toHaveLength(20)
      expect(pages).toBeGreaterThan(10)
    } finally {
      now.mockRestore()
    }
  })
})
