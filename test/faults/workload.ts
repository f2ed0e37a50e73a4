import { type Chance, makeChance } from './chance.ts'
import { type History, type Kind, makeHistory, type ScrapeAnswer } from './history.ts'
import { httpTarget } from './http-target.ts'
import type { PushRequest, Target } from './target.ts'

export interface WorkloadOptions {
  /** URLs of gateways without a slash at the end, or other targets. */
  readonly replicas: readonly (string | Target)[]
  /** Each sends one push at a time, to one replica after the other. */
  readonly writers?: number
  /** Of all writers together; infinite for as fast as they are answered. */
  readonly ratePerSecond?: number
  /** Groups that all writers rewrite over and over; 0 for none. */
  readonly tokenGroups?: number
  /** Every other push makes a group of its own, for `ttlMs`; all of them when there are no token groups. */
  readonly unique?: boolean
  readonly ttlMs?: number
  /** Of token groups. */
  readonly tokenTtlMs?: number
  /** How token groups are written; `ingest` goes to a set that the writer shares with nobody. */
  readonly kinds?: readonly ('put' | 'post' | 'delete' | 'ingest')[]
  readonly uniqueKinds?: readonly ('put' | 'post' | 'ingest')[]
  /** Units to which every tenth push adds; for targets that can add. */
  readonly sums?: number
  /** Per push; the last one is a histogram, the others are gauges. */
  readonly families?: number
  /** Pause between the scrapes of one replica; every other scrape asks for gzip. */
  readonly scrapeEveryMs?: number
  readonly readSelfEveryMs?: number
  /** What fails without being refused is sent again, to the next replica, with the same token. */
  readonly retry?: boolean
  /** Writers pass these replicas over, as a balancer does with one that it knows to be gone; not all of them at a time. */
  readonly avoids?: (replica: number) => boolean
  readonly seed?: number
  /** To be given when someone listens from the very beginning. */
  readonly history?: History
}

export interface Workload {
  readonly history: History
  readonly targets: readonly Target[]
  /** Sends this besides, and records it; resolves when it is answered. */
  send(replica: number, kind: Kind, unit: string): Promise<void>
  /** Acknowledged pushes so far. */
  acked(): number
  /** Pushes that were given up, or refused, after all attempts. */
  failed(): number
  /** Resolves at the next acknowledgement of a push that is sent from now on; false when there is none in time. */
  nextAck(withinMs: number): Promise<boolean>
  /** Ends everything at once; nothing more is recorded. */
  stop(): Promise<void>
  /**
   * Stops the writers, waits until every replica answers scrapes and all pages are equal, or `withinMs` is over, records
   * the last pages and what the gateways tell of themselves, and ends everything.
   */
  quiesce(withinMs?: number): Promise<void>
}

const USUAL = {
  writers: 4,
  ratePerSecond: 150,
  tokenGroups: 20,
  unique: true,
  ttlMs: 20_000,
  tokenTtlMs: 600_000,
  kinds: ['put', 'put', 'post'] as const,
  uniqueKinds: ['put', 'post'] as const,
  sums: 0,
  families: 2,
  scrapeEveryMs: 300,
  readSelfEveryMs: 1000,
  retry: false,
  avoids: () => false,
  seed: 1,
}

/** A client that waits this long is still waiting for something. */
const GIVE_UP_AFTER_MS = 30_000
const RETRY_PAUSE_MS = 200
const QUIESCE_WITHIN_MS = 30_000
const SETTLE_PAUSE_MS = 250

/** Starts writers and scrapers; resolves when every replica was asked about itself once. */
export async function startWorkload(options: WorkloadOptions): Promise<Workload> {
  const settings = { ...USUAL, ...options }
  const { families, ttlMs, tokenTtlMs, tokenGroups, readSelfEveryMs, scrapeEveryMs } = settings
  const history = options.history ?? makeHistory()
  const targets = options.replicas.map((each) => (typeof each === 'string' ? httpTarget(each) : each))
  const wakers = new Set<() => void>()
  const listeners = new Set<(startMs: number) => void>()
  let isWriting = true
  let isWatching = true
  let acked = 0
  let failed = 0

  /** Ends early when the workload does. */
  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        wakers.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, Math.max(0, ms))
      wakers.add(wake)
    })
  }

  async function attempt(replica: number, request: PushRequest): Promise<'done' | 'refused' | 'again'> {
    const { unit, kind, writer, seq } = request
    const push = { replica, writer, seq, unit, kind, ttlMs: request.ttlMs, startMs: performance.now() }
    history.record({ kind: 'push.sent', push })
    const answer = await targetAt(replica).push(request)
    history.record({ kind: 'push.ended', push, answer, endMs: performance.now() })
    if (answer.outcome === 'ok') {
      acked++
      for (const listener of listeners) listener(push.startMs)
      return 'done'
    }
    return answer.outcome === 'refused' && answer.status !== 0 ? 'refused' : 'again'
  }

  async function deliver(first: number, request: PushRequest): Promise<void> {
    const giveUpAtMs = performance.now() + GIVE_UP_AFTER_MS
    for (let replica = first; ; replica++) {
      if (settings.avoids(replica % targets.length)) continue
      const end = await attempt(replica % targets.length, request)
      if (end === 'done') return
      if (end === 'refused' || !settings.retry || !isWriting || performance.now() > giveUpAtMs) break
      await pause(RETRY_PAUSE_MS)
    }
    failed++
  }

  function requestOf(writer: number, seq: number, chance: Chance): PushRequest {
    const token = { writer, seq, families }
    if (settings.sums > 0 && seq % 10 === 0)
      return { ...token, unit: `sums/${chance.below(settings.sums)}`, kind: 'add', ttlMs: 0 }
    if (tokenGroups === 0 || (settings.unique && seq % 2 === 0))
      return { ...token, unit: `unique/${writer}-${seq}`, kind: chance.pick(settings.uniqueKinds), ttlMs }
    const kind = chance.pick(settings.kinds)
    const unit = kind === 'ingest' ? `sets/${writer}` : `rewritten/${chance.below(tokenGroups)}`
    return { ...token, unit, kind, ttlMs: tokenTtlMs }
  }

  async function write(writer: number): Promise<void> {
    const chance = makeChance(settings.seed * 1000 + writer)
    const everyMs = (1000 * settings.writers) / settings.ratePerSecond
    // Writers do not begin all at once.
    let dueMs = performance.now() + everyMs * chance.next()
    for (let seq = 1; isWriting; seq++) {
      if (dueMs > performance.now()) await pause(dueMs - performance.now())
      if (!isWriting) return
      await deliver(writer + seq, requestOf(writer, seq, chance))
      // What was missed while it waited is not made up for.
      dueMs = Math.max(dueMs + everyMs, performance.now())
    }
  }

  async function scrape(replica: number, gzip: boolean): Promise<ScrapeAnswer> {
    const sent = { replica, startMs: performance.now() }
    history.record({ kind: 'scrape.sent', scrape: sent })
    const answer = await targetAt(replica).scrape({ gzip })
    history.record({ kind: 'scrape.ended', scrape: sent, answer, endMs: performance.now() })
    return answer
  }

  async function watch(replica: number): Promise<void> {
    for (let turn = replica; isWatching; turn++) {
      await scrape(replica, turn % 2 === 0)
      if (isWatching) await pause(scrapeEveryMs)
    }
  }

  async function readSelf(replica: number): Promise<string> {
    const reading = await targetAt(replica).readSelf()
    if (reading === undefined) return ''
    history.record({ kind: 'reading', replica, reading, atMs: performance.now() })
    return `${reading.lostWrites} ${reading.resubmittedWrites} ${reading.historyLosses}`
  }

  async function listenTo(replica: number): Promise<void> {
    while (isWatching) {
      await pause(readSelfEveryMs)
      if (isWatching) await readSelf(replica)
    }
  }

  function targetAt(replica: number): Target {
    const target = targets[replica]
    if (target === undefined) throw new Error(`there is no replica ${replica} of ${targets.length}`)
    return target
  }

  function wakeAll(): void {
    for (const wake of [...wakers]) wake()
  }

  /** The last pages: equal and all there, or what they were when time was up. */
  async function settlePages(untilMs: number): Promise<ScrapeAnswer[]> {
    for (let turn = 0; ; turn++) {
      const pages = await Promise.all(
        targets.map((_, replica) => scrape(replica, (replica + turn) % 2 === 0)),
      )
      const digests = new Set(pages.map(({ status, digest }) => (status === 200 ? digest : undefined)))
      const isSettled = digests.size === 1 && !digests.has(undefined)
      if (isSettled || performance.now() >= untilMs) return pages
      await pause(SETTLE_PAUSE_MS)
    }
  }

  /** Until none of their counters moves any more. */
  async function settleReadings(untilMs: number): Promise<void> {
    let before: string | undefined
    for (;;) {
      const now = (await Promise.all(targets.map((_, replica) => readSelf(replica)))).join('; ')
      if (now === before || performance.now() >= untilMs) return
      before = now
      await pause(2 * SETTLE_PAUSE_MS)
    }
  }

  await Promise.all(targets.map((_, replica) => readSelf(replica)))
  const writers = Array.from({ length: settings.writers }, (_, writer) => write(writer))
  const watchers = targets.flatMap((_, replica) => [watch(replica), listenTo(replica)])

  async function endWriters(): Promise<void> {
    isWriting = false
    wakeAll()
    await Promise.all(writers)
  }

  async function endAll(): Promise<void> {
    isWatching = false
    await endWriters()
    await Promise.all(watchers)
    for (const target of targets) target.close()
  }

  let extra = 0
  return {
    history,
    targets,
    acked: () => acked,
    failed: () => failed,
    async send(replica, kind, unit) {
      const token = { writer: settings.writers, seq: ++extra, families }
      await attempt(replica, { ...token, unit, kind, ttlMs: tokenTtlMs })
    },
    async nextAck(withinMs) {
      const fromMs = performance.now()
      let hear: (startMs: number) => void = () => undefined
      const heard = new Promise<true>((resolve) => {
        hear = (startMs) => {
          if (startMs >= fromMs) resolve(true)
        }
      })
      listeners.add(hear)
      const timer = { id: undefined as ReturnType<typeof setTimeout> | undefined }
      const tooLate = new Promise<false>((resolve) => {
        timer.id = setTimeout(() => resolve(false), withinMs)
      })
      const isHeard = await Promise.race([heard, tooLate])
      clearTimeout(timer.id)
      listeners.delete(hear)
      return isHeard
    },
    stop: endAll,
    async quiesce(withinMs = QUIESCE_WITHIN_MS) {
      await endWriters()
      isWatching = false
      wakeAll()
      await Promise.all(watchers)
      const pages = await settlePages(performance.now() + withinMs)
      await settleReadings(performance.now() + withinMs)
      history.record({ kind: 'quiesced', pages, atMs: performance.now() })
      await endAll()
    },
  }
}
