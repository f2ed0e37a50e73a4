import { PgrError } from '../../errors/pgr-error.ts'
import { DIGEST_MODULUS } from '../../model/unit.ts'
import type { ChangePage, Position, ResetReason } from '../store.ts'
import { continues } from './chain.ts'
import { COUNTERS, readCounters } from './counters.ts'
import { pause, type Route, SLOT_PAUSE_MS, within } from './courier.ts'
import { classify, isNoScript, unavailable } from './failures.ts'
import type { History } from './history.ts'
import { type Info, readInfo } from './info.ts'
import { type Keyspace, PARTITIONS } from './keys.ts'
import type { KnownSets } from './known-sets.ts'
import type { Primary } from './primary.ts'
import { asList, listAt, numberAt, type Reply, textAt } from './reply.ts'
import { ask, runScript } from './run-script.ts'
import { scripts } from './scripts.ts'
import { readRedirection } from './slots.ts'
import type { Topology } from './topology.ts'
import { decodeUnit } from './unit-changes.ts'

/** A page ends with the unit that takes it past this. */
const PAGE_BYTES = 512 * 1024
const PAGE_UNITS = 1000
/** Partitions of which up to two pages are asked for before the ones in front of them are used. */
const AHEAD = 6
/** Epoch of a partition that does not exist. */
const NO_EPOCH = '0'
/** Times a read follows partitions that move, or starts over because history changed, before it gives up. */
const ROUNDS = 5
const ROUND_PAUSE_MS = 20
/** Of the time there is, the part in which every primary has to say where its partitions stand. */
const POLL_SHARE = 0.7

interface Meta {
  readonly route: Route
  readonly epoch: string
  readonly version: number
  readonly floor: number
  readonly wiped: number
  readonly timeMs: number
  readonly digest: number
}

interface Step {
  readonly partition: number
  readonly route: Route
  /** What the reader knows; 0 after a reset. */
  readonly base: number
  readonly cursor: number
  readonly epoch: string
  readonly reset: ResetReason | undefined
}

type Fence = { readonly deadlineMs: number }

/**
 * Reads what changed. One pipeline for each primary says where its partitions stand, and is all there is when nothing
 * changed; then a script for every page.
 *
 * After the data of every reply comes the replication mark of the server: as long as the marks form a chain nothing that
 * was read can have been lost by a failover. Where the chain breaks the partitions are read from the start.
 */
export class ChangeReader {
  private readonly topology: Topology
  private readonly keys: Keyspace
  private readonly known: KnownSets
  private readonly history: History
  private readonly lastMs: number[]

  constructor(topology: Topology, keys: Keyspace, known: KnownSets, history: History) {
    this.topology = topology
    this.keys = keys
    this.known = known
    this.history = history
    this.lastMs = keys.partitions.map(() => 0)
  }

  /** Yields what can be read, and then rejects when something could not. */
  async *read(since: readonly Position[], fence: Fence): AsyncGenerator<ChangePage> {
    const failures = new Map<number, PgrError>()
    const metas = await this.pollAll(fence, failures)
    const steps: Step[] = []
    for (const [partition, meta] of [...metas].sort(([a], [b]) => a - b)) {
      const position = since[partition] ?? { epoch: '', version: 0, wiped: 0 }
      const reset = this.whyReset(partition, position, meta)
      const { route } = meta
      if ((reset === undefined ? position.version : 0) === meta.version) {
        yield this.idlePage(partition, meta, reset)
        if (reset !== undefined && reset !== 'first') this.history.told(partition)
      } else {
        const base = reset === undefined ? position.version : 0
        const epoch = reset === undefined ? meta.epoch : ''
        steps.push({ partition, route, base, cursor: base, epoch, reset })
      }
    }
    yield* this.readChanged(steps, fence, failures)
    if (failures.size > 0) throw this.failureOf(failures)
  }

  private async *readChanged(
    steps: readonly Step[],
    fence: Fence,
    failures: Map<number, PgrError>,
  ): AsyncGenerator<ChangePage> {
    const ahead: Ahead[] = []
    for (const [place, step] of steps.entries()) {
      for (let next = ahead.length; next < Math.min(place + AHEAD, steps.length); next++) {
        const first = steps[next] as Step
        ahead.push(this.readAhead(this.readPage(first, fence), first, fence))
      }
      let current: Ahead | undefined = ahead[place] as Ahead
      while (current !== undefined) {
        let read: Read
        try {
          read = await current.read
        } catch (reason) {
          failures.set(step.partition, classify(reason).error)
          break
        }
        yield read.page
        if (tellsOfReset(read, step)) this.history.told(step.partition)
        const { next }: Read = read
        current = next && this.readAhead(current.behind ?? this.readPage(next, fence), next, fence)
      }
    }
  }

  /** Asks for the page behind one as soon as that is there, but not before a reset counts as told. */
  private readAhead(read: Promise<Read>, step: Step, fence: Fence): Ahead {
    const ahead: Ahead = { read, behind: undefined }
    const follow = (read: Read) => {
      if (read.next === undefined || tellsOfReset(read, step)) return
      ahead.behind = this.readPage(read.next, fence)
      // Nobody waits for it yet; who gives up the iteration never will.
      ahead.behind.catch(() => undefined)
    }
    read.then(follow, () => undefined)
    return ahead
  }

  /** Where every partition stands. Those of a primary that cannot be asked end up among the failures. */
  private async pollAll(fence: Fence, failures: Map<number, PgrError>): Promise<Map<number, Meta>> {
    const metas = new Map<number, Meta>()
    let waiting = this.keys.partitions.map((_, partition) => ({
      partition,
      asked: undefined as Route | undefined,
    }))
    for (let round = 0; waiting.length > 0 && round < ROUNDS; round++) {
      if (round > 0) await pause(ROUND_PAUSE_MS * round)
      const routes = new Map<string, { route: Route; partitions: number[] }>()
      for (const { partition, asked } of waiting) {
        try {
          const route = asked ?? { primary: await this.readable(partition, fence), asking: false }
          const key = `${route.primary.endpoint} ${route.asking}`
          const known = routes.get(key)
          if (known === undefined) routes.set(key, { route, partitions: [partition] })
          else known.partitions.push(partition)
        } catch (reason) {
          failures.set(partition, classify(reason).error)
        }
      }
      const again: typeof waiting = []
      const pollFence = routes.size > 1 ? mostOf(fence) : fence
      await Promise.all(
        [...routes.values()].map(async ({ route, partitions }) => {
          try {
            again.push(...(await this.poll(route, partitions, pollFence, metas, failures)))
          } catch (reason) {
            const { error } = classify(reason)
            for (const partition of partitions) failures.set(partition, error)
          }
        }),
      )
      waiting = again
    }
    for (const { partition } of waiting)
      failures.set(partition, unavailable('redis keeps moving this partition; try again'))
    return metas
  }

  /** One pipeline; resolves with the partitions to be asked for again, elsewhere or after the history was settled. */
  private async poll(
    route: Route,
    partitions: readonly number[],
    fence: Fence,
    metas: Map<number, Meta>,
    failures: Map<number, PgrError>,
  ): Promise<{ partition: number; asked: Route | undefined }[]> {
    const { primary } = route
    const { generation } = primary
    const sentMs = performance.now()
    const { looks, clockReply, infoReply } = await within(fence, this.look(route, partitions))
    const receivedMs = performance.now()
    const [seconds, micros] = asList(clockReply).map(Number)
    const clockMs = Math.floor((seconds ?? 0) * 1000 + (micros ?? 0) / 1000)
    primary.clock.observe(clockMs, sentMs, receivedMs)
    const info = readInfo(String(infoReply))
    // A primary that was just demoted says who took its slots over.
    const isReplica = info.get('role') === 'slave'
    if (!isReplica && !this.follows(primary, info, generation)) {
      await primary.prepare()
      return partitions.map((partition) => ({ partition, asked: undefined }))
    }
    const again: { partition: number; asked: Route | undefined }[] = []
    let missing = false
    for (const [place, partition] of partitions.entries()) {
      const reply = looks[place]
      try {
        const elsewhere = await this.elsewhere(partition, primary, reply?.[0], fence)
        if (elsewhere !== undefined) {
          again.push({ partition, asked: elsewhere.asking ? elsewhere : undefined })
          continue
        }
        if (isReplica) throw isNoPrimary()
        const meta = readMeta(asList(valueIn(reply)), clockMs, route)
        missing ||= meta.epoch === NO_EPOCH
        this.arrive(partition, primary)
        metas.set(partition, meta)
      } catch (reason) {
        failures.set(partition, classify(reason).error)
      }
    }
    if (missing) void primary.prepare()
    return again
  }

  /**
   * Epoch and counters of partitions, then clock and state of the server, all in one pipeline. In a Cluster every partition is
   * asked for by itself; elsewhere one script tells of all, at a fraction of the cost.
   */
  private async look(
    { primary, asking }: Route,
    partitions: readonly number[],
    scriptIsKnown = true,
  ): Promise<{ looks: readonly PipelineReply[]; clockReply: unknown; infoReply: unknown }> {
    const isCluster = this.topology.kind === 'cluster'
    const pipeline = primary.read.pipeline()
    const metaKeys = partitions.map((partition) => this.keys.partitions[partition]?.[0] ?? '')
    if (isCluster) {
      for (const key of metaKeys) {
        if (asking) pipeline.asking()
        pipeline.hmgetBuffer(key, 'e', COUNTERS)
      }
    } else {
      const { sha, source } = scripts.positions
      const [command, script] = scriptIsKnown ? ['evalsha', sha] : ['eval', source]
      pipeline.callBuffer(command, [script, metaKeys.length, ...metaKeys])
    }
    pipeline.time()
    pipeline.info('replication')
    const replies = (await pipeline.exec()) ?? []
    const [clockReply, infoReply] = replies.slice(-2).map(valueIn)
    if (isCluster) {
      const looks = asking ? replies.filter((_, place) => place % 2 === 1) : replies
      return { looks, clockReply, infoReply }
    }
    const [[error, value] = NO_REPLY] = replies
    if (scriptIsKnown && isNoScript(error)) return this.look({ primary, asking }, partitions, false)
    if (error !== null) throw error
    const looks = asList(value).map(
      (found): PipelineReply =>
        Buffer.isBuffer(found) ? [new Error(String(found)), undefined] : [null, found],
    )
    return { looks, clockReply, infoReply }
  }

  /** Where a redirection leads; undefined when there is none. Other failures are thrown. */
  private async elsewhere(
    partition: number,
    primary: Primary,
    reason: unknown,
    fence: Fence,
  ): Promise<Route | undefined> {
    if (reason === null || reason === undefined) return undefined
    const redirection = readRedirection(reason, this.topology.addressOf(primary), this.topology.natMap)
    if (redirection === undefined) throw reason
    const next = await this.topology.follow(partition, redirection, fence.deadlineMs)
    return { primary: next, asking: redirection.kind === 'ASK' }
  }

  /**
   * Whether the server is the one that was looked at, with its history unbroken; takes its mark as the latest. If not,
   * it has to be looked at again before anything it says is used.
   */
  private follows(primary: Primary, info: Info, generation: number): boolean {
    if (info.get('role') === 'slave') throw isNoPrimary()
    if (primary.generation !== generation || primary.mark === undefined) return false
    const mark = primary.markOf(info)
    if (mark.id !== primary.mark.id || !continues(primary.mark, mark)) return false
    primary.mark = mark
    return true
  }

  /** A partition is read from a server, which may be another than before: while its slot moves nobody looked at that. */
  private arrive(partition: number, primary: Primary): void {
    const { mark } = primary
    if (mark !== undefined && this.history.disagrees(partition, mark)) this.history.lose([partition], 'moved')
  }

  private whyReset(partition: number, position: Position, meta: Meta): ResetReason | undefined {
    if (position.epoch === '') return 'first'
    const why = this.history.whyStartOver(partition)
    if (why !== undefined) return why
    if (position.epoch !== meta.epoch) return 'epoch'
    if (meta.version < position.version) return 'regress'
    if (position.version < meta.floor) return 'floor'
    return undefined
  }

  private idlePage(partition: number, meta: Meta, reset: ResetReason | undefined): ChangePage {
    const { epoch, version, wiped, digest } = meta
    this.noteRead(partition, meta.route, epoch, version)
    const nowMs = this.tick(partition, meta.timeMs)
    const page = { partition, epoch, wiped, version, nowMs, changes: [], done: true, digest }
    return reset === undefined ? page : { ...page, reset }
  }

  private async readPage(step: Step, fence: Fence): Promise<Read> {
    let asked = step
    for (let round = 0; round < ROUNDS; round++) {
      const { partition, route } = asked
      if (route.asking) assertReadable(route.primary, fence)
      else await this.readable(partition, fence)
      let reply: Reply | undefined
      try {
        reply = await within(fence, this.since(asked))
      } catch (reason) {
        if (classify(reason).slotIsMoving === true) {
          // Until it arrived, or the deadline passed.
          round--
          this.topology.refreshSoon()
          await pause(SLOT_PAUSE_MS)
          continue
        }
        const next = await this.elsewhere(partition, route.primary, reason, fence)
        if (next === undefined) throw reason
        asked = startOver(asked, next, 'moved')
        continue
      }
      if (reply === undefined) {
        await route.primary.prepare()
        asked = startOver(asked, { primary: await this.readable(partition, fence), asking: false }, 'history')
        continue
      }
      this.arrive(partition, route.primary)
      // What was read before may have turned out to be worth nothing.
      const why = asked.reset === 'first' ? undefined : this.history.whyStartOver(partition)
      const lost = why !== undefined && asked.base + asked.cursor > 0
      if (reply.length > 1 && !lost) return this.readOf(asked, reply)
      const same = reply.length > 1 || textAt(reply, 0) === asked.epoch
      asked = startOver(asked, route, lost ? (why ?? 'history') : same ? 'floor' : 'epoch')
    }
    throw unavailable('the data in redis changes hands too fast to be read; try again')
  }

  private readOf(asked: Step, reply: Reply): Read {
    const epoch = textAt(reply, 0)
    const cursor = numberAt(reply, 1)
    const version = numberAt(reply, 2)
    const done = cursor === -1
    const { partition, route, base, reset } = asked
    const whole = base === 0
    if (done) this.noteRead(partition, route, epoch, version)
    const page: ChangePage = {
      partition,
      epoch,
      wiped: numberAt(reply, 4),
      version: done ? version : cursor,
      nowMs: this.tick(partition, numberAt(reply, 5)),
      changes: listAt(reply, 7).map((unit) =>
        decodeUnit(asList(unit), { epoch, base, whole, known: this.known }),
      ),
      done,
      ...(done ? { digest: numberAt(reply, 6) % DIGEST_MODULUS } : {}),
      ...(reset === undefined ? {} : { reset }),
    }
    return { page, next: done ? undefined : { partition, route, base, cursor, epoch, reset: undefined } }
  }

  /** Data and mark, in this order on one connection; undefined when the history broke. */
  private async since({ partition, route, base, cursor, epoch }: Step): Promise<Reply | undefined> {
    const { primary, asking } = route
    const { read, generation } = primary
    const keys = this.keys.partitions[partition] ?? []
    const values = [epoch, base, cursor, PAGE_UNITS, PAGE_BYTES]
    if (asking) ask(read)
    const data = read.callBuffer('evalsha', [scripts.since.sha, keys.length, ...keys, ...values])
    const mark = read.info('replication')
    const [first, info] = await Promise.allSettled([data, mark])
    if (info.status === 'rejected') throw info.reason
    if (first.status === 'fulfilled')
      return this.follows(primary, readInfo(info.value), generation) ? asList(first.value) : undefined
    if (!isNoScript(first.reason)) throw first.reason
    const reply = await runScript(read, scripts.since, keys, values, asking)
    return this.follows(primary, readInfo(await read.info('replication')), generation)
      ? asList(reply)
      : undefined
  }

  /** The reader has everything up to a version, of the history that the server's mark stands for. */
  private noteRead(partition: number, { primary }: Route, epoch: string, version: number): void {
    if (primary.mark !== undefined) this.history.note(partition, primary, primary.mark, epoch, version)
  }

  /** The partition's time as told to readers, which never goes back. */
  private tick(partition: number, nowMs: number): number {
    const latest = Math.max(nowMs, this.lastMs[partition] ?? 0)
    this.lastMs[partition] = latest
    return latest
  }

  /** Waits for a primary that was lost, or takes over, at this moment. */
  private async readable(partition: number, { deadlineMs }: Fence): Promise<Primary> {
    await this.topology.comeback(partition, deadlineMs)
    const primary = this.topology.usable(partition)
    assertReadable(primary, { deadlineMs })
    return primary
  }

  private failureOf(failures: ReadonlyMap<number, PgrError>): PgrError {
    const reasons = [...failures.values()]
    // What an operator has to mend is not an outage that passes.
    const first =
      reasons.find(({ code }) => code !== 'PGR_STORE_UNAVAILABLE') ??
      reasons[0] ??
      unavailable('redis did not answer')
    if (failures.size === PARTITIONS || first.code !== 'PGR_STORE_UNAVAILABLE') return first
    return new PgrError(
      'PGR_STORE_DEGRADED',
      `${failures.size} of ${PARTITIONS} partitions cannot be read: ${first.message}`,
      { cause: first },
    )
  }
}

/** One primary that does not answer must not take the time in which the others could be read. */
function mostOf({ deadlineMs }: Fence): Fence {
  const nowMs = performance.now()
  return { deadlineMs: nowMs + (deadlineMs - nowMs) * POLL_SHARE }
}

function assertReadable(primary: Primary, { deadlineMs }: Fence): void {
  if (performance.now() >= deadlineMs) throw unavailable('the deadline passed before redis was read')
  primary.assertUsable()
}

interface Read {
  readonly page: ChangePage
  readonly next: Step | undefined
}

/** A page on its way, and the one behind it once it was asked for. */
interface Ahead {
  readonly read: Promise<Read>
  behind: Promise<Read> | undefined
}

function tellsOfReset({ page }: Read, { reset }: Step): boolean {
  return page.reset !== undefined && reset !== 'first'
}

function isNoPrimary(): PgrError {
  return unavailable('the redis endpoint is a replica; waiting for a primary')
}

function startOver(step: Step, route: Route, why: ResetReason): Step {
  const reset = step.reset === 'first' ? 'first' : why
  return { partition: step.partition, route, base: 0, cursor: 0, epoch: '', reset }
}

type PipelineReply = readonly [Error | null, unknown]

const NO_REPLY: PipelineReply = [new Error('redis left a command without a reply'), undefined]

function valueIn(reply: PipelineReply | undefined): unknown {
  const [error, value] = reply ?? NO_REPLY
  if (error !== null) throw error
  return value
}

function readMeta(fields: Reply, clockMs: number, route: Route): Meta {
  const [epoch] = fields
  const { version, floor, wiped, timeMs, digest } = readCounters(fields[1])
  return {
    route,
    epoch: Buffer.isBuffer(epoch) ? epoch.toString('latin1') : NO_EPOCH,
    version,
    floor,
    wiped,
    timeMs: Math.max(clockMs, timeMs),
    digest,
  }
}
