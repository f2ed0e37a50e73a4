import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, it } from 'vitest'
import { ask } from '../e2e/ask.ts'
import { startChild } from '../support/child.ts'
import { eventually } from '../support/eventually.ts'
import { freePort } from '../support/free-port.ts'
import { describeWith } from '../support/peers.ts'
import { type ScrapeTarget, startScrapeTarget } from '../support/scrape-target.ts'
import { type SentinelRig, startSentinelRig } from '../support/sentinel-rig.ts'
import { type Prometheus, remoteWriteConfig, startPrometheus } from '../support/start-prometheus.ts'
import { makeChance } from './chance.ts'
import { openSeat, type Seat } from './seat.ts'
import { DOWN_AFTER_MS, flagsFor, GATEWAYS, successorOf } from './sentinel-case.ts'

const MINUTE_MS = 60_000
const minutes = Number(process.env['PGR_REMOTE_WRITE_MINUTES'] ?? 10)
if (!(minutes > 0)) throw new Error('PGR_REMOTE_WRITE_MINUTES is not a number of minutes')

const BALANCER = fileURLToPath(new URL('../../examples/balancer.js', import.meta.url))
const TARGETS = 10
const GAUGES = 800
const HISTOGRAMS = 20
const BUCKETS = 8
/** Series that each target has. */
const SERIES = GAUGES + HISTOGRAMS * (BUCKETS + 2)
const SCRAPE_MS = 5000
const TTL_MS = 90_000
const EVERY_MS = 6000
const LOOK_EVERY_MS = 2000
/** A target that is stopped is missed at the next scrape, and what is missed is sent at once. */
const GONE_WITHIN_MS = 30_000
const SETTLED = { hurry: true, deadlineMs: MINUTE_MS }

const stopping: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const stop of stopping.splice(0).reverse()) await stop()
})

/** The samples of a page at a moment, every one with a value of its own; without labels of whoever scrapes it. */
function samplesAt(moment: number): { head: string; labels: string; value: number }[] {
  const samples: { head: string; labels: string; value: number }[] = []
  for (let n = 0; n < GAUGES; n++)
    samples.push({ head: 'load', labels: `n="${n}"`, value: moment * 1000 + n })
  for (let n = 0; n < HISTOGRAMS; n++) {
    for (let le = 1; le <= BUCKETS; le++) {
      const bound = le === BUCKETS ? '+Inf' : `${le}`
      samples.push({ head: 'spread_bucket', labels: `n="${n}",le="${bound}"`, value: moment * le + n })
    }
    samples.push({ head: 'spread_sum', labels: `n="${n}"`, value: moment / 2 })
    samples.push({ head: 'spread_count', labels: `n="${n}"`, value: moment * BUCKETS + n })
  }
  return samples
}

function pageAt(moment: number): { type: string; body: string } {
  const lines = samplesAt(moment).map(({ head, labels, value }) => `${head}{${labels}} ${value}\n`)
  const body = [
    '# HELP load What there is to do.\n# TYPE load gauge\n',
    ...lines.slice(0, GAUGES),
    '# HELP spread How long it took.\n# TYPE spread histogram\n',
    ...lines.slice(GAUGES),
  ]
  return { type: 'text/plain; version=0.0.4; charset=utf-8', body: body.join('') }
}

/** Samples of our targets on the page of a replica by series; undefined when it is dead, or its store is away. */
async function read(url: string): Promise<Map<string, number> | undefined> {
  const { status, text } = await ask(url, '/metrics').catch(() => ({ status: 0, text: '' }))
  if (status === 0 || status === 503) return undefined
  if (status !== 200) throw new Error(`the page was answered ${status}: ${text}`)
  const values = new Map<string, number>()
  for (const line of text.split('\n')) {
    if (!line.startsWith('load{') && !line.startsWith('spread_')) continue
    const at = line.lastIndexOf(' ')
    values.set(line.slice(0, at), Number(line.slice(at + 1)))
  }
  return values
}

function spell(head: string, labels: string, job: string, { address }: ScrapeTarget): string {
  return `${head}{instance="${address}",job="${job}",${labels}}`
}

class Fleet {
  /** What stands on all pages from now on; counts the seconds otherwise. */
  frozenAt: number | undefined
  readonly targets: ScrapeTarget[] = []

  async start(): Promise<void> {
    const startMs = performance.now()
    for (let n = 0; n < TARGETS; n++) {
      this.targets.push(
        await startScrapeTarget(() =>
          pageAt(this.frozenAt ?? Math.floor((performance.now() - startMs) / 1000)),
        ),
      )
    }
  }

  /** Series of these targets as both Prometheuses send them, with what they are frozen at. */
  expected(targets: readonly ScrapeTarget[]): Map<string, number> {
    const values = new Map<string, number>()
    for (const target of targets) {
      const n = this.targets.indexOf(target)
      for (const { head, labels, value } of samplesAt(this.frozenAt ?? 0))
        for (const job of [`server-${n}`, `agent-${n}`]) values.set(spell(head, labels, job, target), value)
    }
    return values
  }
}

/** How many of these are not there, or not so. */
function wrong(
  found: ReadonlyMap<string, number> | undefined,
  expected: ReadonlyMap<string, number>,
): number {
  let count = 0
  for (const [series, value] of expected) if (found?.get(series) !== value) count++
  return count
}

function missing(found: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>): number {
  let count = 0
  for (const series of expected.keys()) if (!found.has(series)) count++
  return count
}

function countOf(found: ReadonlyMap<string, number> | undefined, { address }: ScrapeTarget): number {
  if (found === undefined) return Number.NaN
  return [...found.keys()].filter((series) => series.includes(`instance="${address}"`)).length
}

async function startBalancer(seats: readonly Seat[]): Promise<string> {
  const port = await freePort()
  const balancer = startChild({
    name: 'balancer',
    command: process.execPath,
    args: [BALANCER],
    env: {
      ...process.env,
      EXAMPLE_BALANCER_PORT: `${port}`,
      EXAMPLE_REPLICA_PORTS: seats.map((seat) => seat.port).join(','),
    },
  })
  stopping.push(() => balancer.kill())
  await balancer.until('listens', () => balancer.output().includes('listening'))
  return `http://127.0.0.1:${port}`
}

/** Breaks something every few seconds; tells how often what was done. */
async function breakThings(
  rig: SentinelRig,
  seats: readonly Seat[],
  endMs: number,
  say: (what: string) => void,
): Promise<Map<string, number>> {
  const chance = makeChance(1)
  const times = new Map<string, number>()
  const upsets: Record<string, () => Promise<unknown>> = {
    async 'kill a replica'() {
      const seat = chance.pick(seats)
      await seat.kill()
      await sleep(3000 * chance.next())
      await seat.reseat()
    },
    async 'kill the primary'() {
      const primary = await rig.primary()
      await primary.kill()
      await successorOf(rig, primary)
      await primary.restart()
      await rig.settled(SETTLED)
    },
    async 'order a failover'() {
      await rig.failover()
      await rig.settled(SETTLED)
    },
  }
  const names = Object.keys(upsets)
  while (performance.now() < endMs) {
    const nextMs = performance.now() + EVERY_MS
    const name = chance.pick([names[0] as string, ...names])
    times.set(name, (times.get(name) ?? 0) + 1)
    say(name)
    await upsets[name]?.()
    await sleep(Math.max(1000, nextMs - performance.now()))
  }
  return times
}

/** A sum over all series of one of Prometheus' own counters. */
async function ownCount({ url }: Prometheus, name: string): Promise<number> {
  const { text } = await ask(url, '/metrics')
  const lines = text.split('\n').filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
}

describeWith('prometheus', 'remote write of Prometheus through a balancer', () => {
  it(
    `survives ${minutes} minutes of killed replicas and failovers: every last value is right, nothing stays that ended`,
    async () => {
      const startMs = performance.now()
      const say = (line: string) =>
        void process.stdout.write(
          `remote-write ${((performance.now() - startMs) / 1000).toFixed(0)} s ${line}\n`,
        )
      const rig = await startSentinelRig({ downAfterMs: DOWN_AFTER_MS })
      stopping.push(() => rig.stop())
      const flags = [...flagsFor(rig), `--redis.expiration=${TTL_MS}ms`]
      const seats = await Promise.all(Array.from({ length: GATEWAYS }, () => openSeat(flags)))
      stopping.push(...seats.map((seat) => () => seat.sitting().kill()))
      const balancer = await startBalancer(seats)
      const fleet = new Fleet()
      await fleet.start()
      stopping.push(...fleet.targets.map((target) => () => target.stop()))
      const senders = await Promise.all(
        (['server', 'agent'] as const).map((job) =>
          startPrometheus({
            agent: job === 'agent',
            config: remoteWriteConfig({
              targets: Object.fromEntries(fleet.targets.map(({ address }, n) => [`${job}-${n}`, address])),
              intervalMs: SCRAPE_MS,
              url: `${balancer}/api/v1/write`,
            }),
          }),
        ),
      )
      stopping.push(...senders.map((sender) => () => sender.kill()))

      const [stoppedLast, stoppedMeanwhile] = fleet.targets.slice(-2) as [ScrapeTarget, ScrapeTarget]
      const lasting = fleet.targets.slice(0, -2)
      const always = fleet.expected(lasting)
      await eventually(
        'all series are there',
        async () => Promise.all(seats.map(async ({ url }) => (await read(url))?.size)),
        (sizes) => sizes.every((size) => size === 2 * TARGETS * SERIES),
        { deadlineMs: MINUTE_MS, intervalMs: 500 },
      )
      say(`${2 * TARGETS * SERIES} series are there`)

      const looks = { pages: 0, failed: 0, missing: 0 }
      let isOver = false
      const looking = (async () => {
        for (let n = 0; !isOver; n++) {
          const page = await read(seats[n % seats.length]?.url ?? '')
          if (page === undefined) looks.failed++
          else {
            looks.pages++
            const lacks = missing(page, always)
            if (lacks > 0) say(`${lacks} series are missing`)
            looks.missing += lacks
          }
          await sleep(LOOK_EVERY_MS)
        }
      })()

      const endMs = performance.now() + minutes * MINUTE_MS
      const stopped = { atMs: 0, goneAfterMs: Number.NaN }
      const halfway = (async () => {
        await sleep((minutes * MINUTE_MS) / 2)
        await stoppedMeanwhile.stop()
        stopped.atMs = performance.now()
        say('a target was stopped')
        // Its marker may be lost with a primary; then its lifetime ends it.
        await eventually(
          'the stopped target is gone',
          async () => Promise.all(seats.map(async ({ url }) => countOf(await read(url), stoppedMeanwhile))),
          (counts) => counts.every((count) => count === 0),
          { deadlineMs: TTL_MS + MINUTE_MS, intervalMs: 1000 },
        )
        stopped.goneAfterMs = performance.now() - stopped.atMs
        say(`it was gone after ${(stopped.goneAfterMs / 1000).toFixed(1)} s`)
      })()
      const upsets = await breakThings(rig, seats, endMs, say)
      await halfway

      say('quiet')
      await rig.settled(SETTLED)
      fleet.frozenAt = 999_999
      await stoppedLast.stop()
      const quietMs = performance.now()
      const last = fleet.expected(lasting)
      const faults = await eventually(
        'every last value is right on every replica, and what was stopped is gone',
        async () =>
          Promise.all(
            seats.map(async ({ url }) => {
              const page = await read(url)
              return {
                wrong: wrong(page, last),
                more: (page?.size ?? 0) - last.size,
                stopped: countOf(page, stoppedLast),
              }
            }),
          ),
        (all) => all.every(({ wrong, more, stopped }) => wrong === 0 && more === 0 && stopped === 0),
        { deadlineMs: GONE_WITHIN_MS, intervalMs: 500 },
      )
      const quietForMs = performance.now() - quietMs
      isOver = true
      await looking
      const counts = await Promise.all(
        senders.map(async (sender) => ({
          samples: await ownCount(sender, 'prometheus_remote_storage_samples_total'),
          failed: await ownCount(sender, 'prometheus_remote_storage_samples_failed_total'),
          retried: await ownCount(sender, 'prometheus_remote_storage_samples_retried_total'),
          dropped: await ownCount(sender, 'prometheus_remote_storage_samples_dropped_total'),
        })),
      )
      const [server, agent] = counts
      say(`upsets ${[...upsets].map(([name, count]) => `${count} × ${name}`).join(', ')}`)
      say(`server ${JSON.stringify(server)} agent ${JSON.stringify(agent)}`)
      say(
        `${looks.pages} pages (${looks.failed} failed), ${looks.missing} series missing; ` +
          `stopped target gone after ${Math.round(stopped.goneAfterMs)} ms, all right ${Math.round(quietForMs)} ms after quiet`,
      )
      expect(faults).toHaveLength(GATEWAYS)
      expect(looks.missing).toBe(0)
      expect(looks.pages).toBeGreaterThan(minutes * 10)
      // What is answered 4xx is dropped for good.
      for (const { failed, dropped, samples } of counts) {
        expect([failed, dropped]).toEqual([0, 0])
        expect(samples).toBeGreaterThan((minutes * MINUTE_MS * lasting.length * SERIES) / SCRAPE_MS / 2)
      }
      expect(stopped.goneAfterMs).toBeLessThan(TTL_MS + GONE_WITHIN_MS)
      for (const { url } of seats)
        expect((await ask(url, '/metrics')).text).toContain('# TYPE spread histogram\n')
    },
    (minutes + 6) * MINUTE_MS,
  )
})
