import { COMPRESSING_THREADS, linear, renewedShare, shapeOf } from './model.js'

/**
 * Plays what a shard does for some seconds, event by event: pushes that come at random, replicas that look for changes,
 * scrapers that come in turn. Every thread serves one thing at a time, in the order of arrival; a long one is cut into
 * slices, as in the gateway. The same seed gives the same events.
 */

/** Part of a push's work in the gateway before Redis is asked. */
const BEFORE_REDIS = 0.6
/** Longest that a gateway works on a page before others get their turn. */
const SLICE_US = 5000
const PARTITIONS = 64
/** Partitions that a reader asks for at a time. */
const AHEAD = 6
const MICRO = 1e6
const BITS = 8

/** Mulberry32: small, and good enough to spread arrivals. */
function randomFrom(seed) {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Events by time; those of one instant in the order in which they were planned. */
class Calendar {
  now = 0
  #heap = []
  #planned = 0

  after(us, run) {
    const event = { at: this.now + us, order: this.#planned++, run }
    const heap = this.#heap
    heap.push(event)
    for (let at = heap.length - 1; at > 0; ) {
      const up = (at - 1) >> 1
      if (isBefore(heap[up], event)) break
      heap[at] = heap[up]
      heap[up] = event
      at = up
    }
  }

  /** Runs all events before an instant. */
  runUntil(endUs) {
    while (this.#heap.length > 0 && this.#heap[0].at < endUs) {
      const event = this.#take()
      this.now = event.at
      event.run()
    }
    this.now = endUs
  }

  #take() {
    const heap = this.#heap
    const [first] = heap
    const last = heap.pop()
    if (heap.length === 0) return first
    for (let at = 0; ; ) {
      const left = 2 * at + 1
      if (left >= heap.length) {
        heap[at] = last
        return first
      }
      const next = left + 1 < heap.length && isBefore(heap[left + 1], heap[left]) ? left + 1 : left
      if (isBefore(last, heap[next])) {
        heap[at] = last
        return first
      }
      heap[at] = heap[next]
      at = next
    }
  }
}

function isBefore(a, b) {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** Cores that threads share; without a number everybody has one of their own. */
class Machine {
  #free
  #waiting = []

  constructor(cores = Number.POSITIVE_INFINITY) {
    this.#free = cores
  }

  take(run) {
    if (this.#free > 0) {
      this.#free--
      run()
    } else {
      this.#waiting.push(run)
    }
  }

  give() {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next()
  }
}

/** Serves one after the other. */
class Thread {
  busyUs = 0
  #calendar
  #machine
  #queue = []
  #isBusy = false

  constructor(calendar, machine = new Machine()) {
    this.#calendar = calendar
    this.#machine = machine
  }

  work(us, done = () => {}) {
    this.#queue.push({ us, done })
    if (!this.#isBusy) this.#next()
  }

  /** Long work lets others in between its slices. */
  workInSlices(us, done) {
    if (us <= SLICE_US) this.work(us, done)
    else this.work(SLICE_US, () => this.workInSlices(us - SLICE_US, done))
  }

  #next() {
    const job = this.#queue.shift()
    this.#isBusy = job !== undefined
    if (job === undefined) return
    this.#machine.take(() =>
      this.#calendar.after(job.us, () => {
        this.busyUs += job.us
        this.#machine.give()
        job.done()
        this.#next()
      }),
    )
  }
}

/** One gateway: its thread, the other threads of its process, its link, what it has read and shown. */
class Gateway {
  readAt = 0
  shownAt = 0
  #looking
  #waiting = []

  constructor(world) {
    this.world = world
    this.thread = new Thread(world.calendar, world.machine)
    this.beside = Array.from({ length: COMPRESSING_THREADS }, () => new Thread(world.calendar, world.machine))
    this.link = new Thread(world.calendar)
    this.turn = 0
  }

  /** Collection and compression: nobody waits for the former. */
  workBeside(us, done) {
    this.turn = (this.turn + 1) % COMPRESSING_THREADS
    this.beside[this.turn].work(us, done)
  }

  push(done) {
    const { costs, seriesPerPush, random, primaries, roundTripUs } = this.world
    const us = linear(costs.gatewayUs.push, seriesPerPush)
    const primary = primaries[Math.floor(random() * primaries.length)]
    this.workBeside(linear(costs.gatewayThreadsUs.push, seriesPerPush))
    this.thread.work(us * BEFORE_REDIS, () =>
      this.world.calendar.after(roundTripUs / 2, () =>
        primary.work(linear(costs.redisUs.push, seriesPerPush), () =>
          this.world.calendar.after(roundTripUs / 2, () => {
            this.world.written++
            this.thread.work(us * (1 - BEFORE_REDIS), done)
          }),
        ),
      ),
    )
  }

  /** Everybody who comes before a look is sent shares it. */
  look(done) {
    this.#waiting.push(done)
    if (this.#looking === undefined) this.#sendLook()
  }

  #sendLook() {
    const served = this.#waiting
    this.#waiting = []
    this.#looking = served
    const { costs, primaries, written, groups } = this.world
    const changed = Math.min(groups, written - this.readAt)
    this.readAt = written
    const finish = () => {
      this.#looking = undefined
      for (const done of served) done()
      if (this.#waiting.length > 0) this.#sendLook()
    }
    this.workBeside(costs.gatewayThreadsUs.poll)
    this.thread.work(costs.gatewayUs.poll, () => {
      let left = primaries.length
      for (const primary of primaries)
        primary.work(costs.redisUs.poll / primaries.length, () => {
          if (--left === 0) this.#readChanges(changed, finish)
        })
    })
  }

  /** Partition by partition, a few at a time. */
  #readChanges(changed, done) {
    if (changed === 0) {
      done()
      return
    }
    const { costs, seriesPerPush, primaries } = this.world
    const units = changed / PARTITIONS
    const us = (of) => units * linear(of.change, seriesPerPush)
    let [asked, left] = [0, PARTITIONS]
    const next = () => {
      if (asked === PARTITIONS) return
      const primary = primaries[asked++ % primaries.length]
      primary.work(us(costs.redisUs), () => {
        this.workBeside(us(costs.gatewayThreadsUs))
        this.thread.work(us(costs.gatewayUs), () => {
          if (--left === 0) done()
          else next()
        })
      })
    }
    for (let n = 0; n < AHEAD; n++) next()
  }

  scrape(done) {
    this.look(() => {
      const { costs, world } = { costs: this.world.costs, world: this.world }
      const { groups, seriesPerPush, pageBytes, gzipBytes, blocksPerSegment } = world
      const changed = Math.min(groups, this.readAt - this.shownAt)
      this.shownAt = this.readAt
      const megabytes = pageBytes / MICRO
      const renewed = megabytes * renewedShare(changed / groups, blocksPerSegment)
      const rendered = ({ render }) =>
        changed * seriesPerPush * render.perSeries + renewed * render.perMegabyte
      const { each, perMegabyte } = costs.gatewayUs.scrape.gzip
      // The look at Redis is in the cost of a scrape, and was served.
      const sending = Math.max(0, each - costs.gatewayUs.poll) + megabytes * perMegabyte
      const send = () =>
        this.thread.workInSlices(sending, () =>
          this.link.work((gzipBytes * BITS * MICRO) / (world.linkGbits * 1e9), done),
        )
      let compressing = COMPRESSING_THREADS
      const compressed = () => {
        if (--compressing === 0) send()
      }
      this.thread.workInSlices(rendered(costs.gatewayUs), () => {
        for (let n = 0; n < COMPRESSING_THREADS; n++)
          this.workBeside(rendered(costs.gatewayThreadsUs) / COMPRESSING_THREADS, compressed)
      })
    })
  }
}

/** Milliseconds at quantiles, of what was answered. */
function summaryOf(latenciesUs) {
  const sorted = latenciesUs.sort((a, b) => a - b)
  const at = (quantile) =>
    (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? 0) / 1000
  return { count: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99) }
}

/**
 * `cores`: threads share so many instead of having one each; `generatorUs`: CPU that the sender of a push takes from them.
 */
export function simulate(shard, { replicas, primaries }, costs, options = {}) {
  const { seconds = 10, seed = 1, roundTripMs = 0.2, cores, generatorUs = 0 } = options
  const calendar = new Calendar()
  const machine = new Machine(cores)
  const random = randomFrom(seed)
  const world = {
    calendar,
    machine,
    random,
    costs,
    written: 0,
    linkGbits: shard.linkGbits,
    roundTripUs: roundTripMs * 1000,
    primaries: Array.from({ length: primaries }, () => new Thread(calendar, machine)),
    ...shapeOf(shard, costs),
  }
  const gateways = Array.from({ length: replicas }, () => new Gateway(world))
  const generator = new Thread(calendar, machine)
  const [pushUs, scrapeUs] = [[], []]

  let turn = 0
  const inTurn = () => gateways[turn++ % replicas]
  const arrive = () => {
    const fromUs = calendar.now
    const push = () => inTurn().push(() => pushUs.push(calendar.now - fromUs + world.roundTripUs))
    if (generatorUs > 0) generator.work(generatorUs, push)
    else push()
    calendar.after((-Math.log(1 - random()) * MICRO) / shard.pushes, arrive)
  }
  calendar.after(0, arrive)
  for (const gateway of gateways) {
    const look = () => gateway.look(() => calendar.after(shard.pollInterval * MICRO, look))
    calendar.after(random() * shard.pollInterval * MICRO, look)
  }
  for (let n = 0; n < shard.scrapers; n++) {
    const scrape = () => {
      const fromUs = calendar.now
      inTurn().scrape(() => scrapeUs.push(calendar.now - fromUs))
      calendar.after(shard.interval * MICRO, scrape)
    }
    calendar.after(((n + random()) / shard.scrapers) * shard.interval * MICRO, scrape)
  }

  const endUs = seconds * MICRO
  calendar.runUntil(endUs)
  const shareOf = (threads) => threads.reduce((sum, { busyUs }) => sum + busyUs, 0) / threads.length / endUs
  return {
    seconds,
    busy: {
      gateway: shareOf(gateways.map(({ thread }) => thread)),
      gatewayThreads: shareOf(gateways.flatMap(({ beside }) => beside)),
      redis: shareOf(world.primaries),
      gatewayLink: shareOf(gateways.map(({ link }) => link)),
    },
    pushes: summaryOf(pushUs),
    scrapes: summaryOf(scrapeUs),
  }
}
