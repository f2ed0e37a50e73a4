import { afterEach, expect, it } from 'vitest'
import type { ChangePage, Store } from '../../src/store/store.ts'
import { gate } from '../support/gate.ts'
import { openTestGateway, type TestGateway } from '../support/open-gateway.ts'
import { startRedis } from '../support/redis-server.ts'
import { openStore } from './open-store.ts'

/** Of a page of metrics, of which a set has as many as it takes. */
const PAGE_METRICS = 128

const stopping: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const stop of stopping.splice(0).reverse()) await stop()
})

/** Two gateways on one Redis; what the first reads of it can be held back once it has left Redis. */
async function makeGateways() {
  const server = await startRedis()
  stopping.push(() => server.stop())
  const open = async (wrap: (store: Store) => Store): Promise<TestGateway> => {
    const { store } = await openStore(server, { timeoutMs: 5000 })
    const opened = openTestGateway(wrap(store))
    stopping.push(
      () => store.close(),
      () => opened.gateway.stop(),
    )
    return opened
  }
  let held: { readonly read: () => void; readonly go: Promise<void> } | undefined
  const first = await open((store) => ({
    ...store,
    async *changes(since, options) {
      const pages: ChangePage[] = []
      for await (const page of store.changes(since, options)) pages.push(page)
      held?.read()
      await held?.go
      yield* pages
    },
  }))
  const second = await open((store) => store)
  return {
    first,
    second,
    /** The page of the first, which reads the store before `write` and hears of it after. */
    async pageAround(write: () => Promise<unknown>): Promise<string[]> {
      const [read, go] = [gate(), gate()]
      held = { read: read.open, go: go.passed }
      const page = first.page()
      await read.passed
      await write()
      held = undefined
      go.open()
      return page
    },
  }
}

const lineOf = (lines: readonly string[], name: string) => lines.find((line) => line.startsWith(name))
const resets = ({ events }: TestGateway) => events.filter(({ kind }) => kind === 'view.reset')

it('what others wrote to a group is not hidden by an own write that overtook it', async () => {
  const { first, second, pageAround } = await makeGateways()
  await first.push('put', { job: 'j' }, 'a 1\nb 1\n')
  await first.page()
  await second.push('put', { job: 'j' }, 'a 2\nb 2\n')
  const page = await pageAround(() => first.push('post', { job: 'j' }, 'b 3\n'))
  expect(lineOf(page, 'a{')).toBe('a{instance="",job="j"} 2')
  const later = await first.page()
  expect([lineOf(later, 'a{'), lineOf(later, 'b{')]).toEqual([
    'a{instance="",job="j"} 2',
    'b{instance="",job="j"} 3',
  ])
  expect(resets(first)).toEqual([])
})

it('what others wrote to a set is not hidden by an own write that overtook it', async () => {
  const { first, second, pageAround } = await makeGateways()
  const of = (n: number, value: number) => `m{job="j",instance="i",n="${n}"} ${value}\n`
  const many = Array.from({ length: PAGE_METRICS + 10 }, (_, n) => of(n, 1))
  const last = PAGE_METRICS + 9
  await first.ingest(many.join(''))
  await first.page()
  await second.ingest(of(last, 2))
  const page = await pageAround(() => first.ingest(of(0, 3)))
  const shown = (lines: readonly string[], n: number) => lines.find((line) => line.includes(`n="${n}"}`))
  expect(shown(page, last)).toMatch(/ 2$/)
  const later = await first.page()
  expect([shown(later, 0), shown(later, last)]).toEqual([
    expect.stringMatching(/ 3$/),
    expect.stringMatching(/ 2$/),
  ])
  expect(resets(first)).toEqual([])
})
