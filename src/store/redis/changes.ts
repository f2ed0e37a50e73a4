import { DIGEST_MODULUS } from '../../model/unit.ts'
import type { ChangePage, Position, ResetReason } from '../store.ts'
import { continues, type HistoryMark, markOf } from './chain.ts'
import { type Argument, runScript } from './connect.ts'
import { within } from './courier.ts'
import { classify, isNoScript, unavailable } from './failures.ts'
import { readInfo } from './info.ts'
import type { Keyspace } from './keys.ts'
import type { KnownSets } from './known-sets.ts'
import type { Link } from './link.ts'
import { asList, listAt, numberAt, type Reply, textAt } from './reply.ts'
import { scripts } from './scripts.ts'
import { decodeUnit } from './unit-changes.ts'

/** A page ends with the unit that takes it past this. */
const PAGE_BYTES = 512 * 1024
const PAGE_UNITS = 1000
/** Pages asked for before the ones in front of them are used. */
const AHEAD = 6
/** Epoch of a partition that does not exist. */
const NO_EPOCH = '0'

interface Meta {
  readonly epoch: string
  readonly version: number
  readonly floor: number
  readonly wiped: number
  readonly timeMs: number
  readonly digest: number
}

interface Step {
  readonly partition: number
  /** What the reader knows; absent after a reset. */
  readonly base: number
  readonly cursor: number
  readonly epoch: string
  readonly reset: ResetReason | undefined
}

/**
 * Reads what changed. One pipeline says where every partition stands, and is all there is when nothing changed; then a
 * script for every page.
 *
 * After the data of every reply comes the replication mark of the server: as long as the marks form a chain nothing that
 * was read can have been lost by a failover. Where the chain breaks every partition is read from the start.
 */
export class ChangeReader {
  private readonly link: Link
  private readonly keys: Keyspace
  private readonly known: KnownSets
  private mark: HistoryMark | undefined
  /** Partitions whose history was lost and whose reader was not told yet. */
  private readonly lost = new Set<number>()
  private readonly lastMs: number[]

  constructor(link: Link, keys: Keyspace, known: KnownSets) {
    this.link = link
    this.keys = keys
    this.known = known
    this.lastMs = keys.partitions.map(() => 0)
  }

  /** What was read may be gone, for a reason the marks do not show. */
  loseHistory(): void {
    for (const partition of this.keys.partitions.keys()) this.lost.add(partition)
  }

  async *read(since: readonly Position[], fence: { deadlineMs: number }): AsyncGenerator<ChangePage> {
    const metas = await this.poll(fence)
    const steps: Step[] = []
    for (const [partition, meta] of metas.entries()) {
      const position = since[partition] ?? { epoch: '', version: 0, wiped: 0 }
      const reset = this.whyReset(partition, position, meta)
      if ((reset === undefined ? position.version : 0) === meta.version) {
        yield this.idlePage(partition, meta, reset)
        if (reset !== undefined && reset !== 'first') this.lost.delete(partition)
      } else {
        const base = reset === undefined ? position.version : 0
        steps.push({ partition, base, cursor: base, epoch: reset === undefined ? meta.epoch : '', reset })
      }
    }
    yield* this.readChanged(steps, fence)
  }

  private async *readChanged(
    steps: readonly Step[],
    fence: { deadlineMs: number },
  ): AsyncGenerator<ChangePage> {
    const firsts: Promise<Read>[] = []
    for (const [place, step] of steps.entries()) {
      for (let ahead = firsts.length; ahead < Math.min(place + AHEAD, steps.length); ahead++) {
        const read = this.readPage(steps[ahead] as Step, fence)
        // Nobody waits for it yet; who gives up the iteration never will.
        read.catch(() => undefined)
        firsts.push(read)
      }
      let read = await (firsts[place] as Promise<Read>)
      for (;;) {
        yield read.page
        if (read.page.reset !== undefined && step.reset !== 'first') this.lost.delete(step.partition)
        if (read.next === undefined) break
        read = await this.readPage(read.next, fence)
      }
    }
  }

  /** One pipeline over all partitions; the whole cost of a poll that finds nothing. */
  private async poll(fence: { deadlineMs: number }): Promise<Meta[]> {
    this.assertReadable(fence)
    const { read } = this.link
    const pipeline = read.pipeline()
    for (const [meta] of this.keys.partitions) pipeline.hmget(meta, 'e', 'v', 'f', 'w', 't', 'g')
    pipeline.time()
    pipeline.info('replication')
    const sentMs = performance.now()
    const replies = await attempt(within(fence, pipeline.exec()))
    const values = (replies ?? []).map(([error, value]): unknown => {
      if (error !== null) throw classify(error).error
      return value
    })
    const count = this.keys.partitions.length
    const [seconds, micros] = asList(values[count]).map(Number)
    const clockMs = Math.floor((seconds ?? 0) * 1000 + (micros ?? 0) / 1000)
    this.link.clock.observe(clockMs, sentMs, performance.now())
    this.follow(String(values[count + 1]))
    const metas = values.slice(0, count).map((value) => readMeta(asList(value), clockMs))
    if (metas.some(({ epoch }) => epoch === NO_EPOCH)) this.link.restore()
    return metas
  }

  /** Compares the server's mark with the last one. */
  private follow(text: string): void {
    const info = readInfo(text)
    if (info.get('role') === 'slave')
      throw unavailable('the redis endpoint is a replica; waiting for a primary')
    const mark = markOf(info, this.link.connection)
    if (this.mark !== undefined && !continues(this.mark, mark)) this.loseHistory()
    this.mark = mark
  }

  private whyReset(partition: number, position: Position, meta: Meta): ResetReason | undefined {
    if (position.epoch === '') return 'first'
    if (this.lost.has(partition)) return 'history'
    if (position.epoch !== meta.epoch) return 'epoch'
    if (meta.version < position.version) return 'regress'
    if (position.version < meta.floor) return 'floor'
    return undefined
  }

  private idlePage(partition: number, meta: Meta, reset: ResetReason | undefined): ChangePage {
    const { epoch, version, wiped, digest } = meta
    const nowMs = this.tick(partition, meta.timeMs)
    const page = { partition, epoch, wiped, version, nowMs, changes: [], done: true, digest }
    return reset === undefined ? page : { ...page, reset }
  }

  private async readPage(step: Step, fence: { deadlineMs: number }): Promise<Read> {
    let asked = step
    for (let attempts = 0; attempts < 5; attempts++) {
      this.assertReadable(fence)
      const reply = await attempt(within(fence, this.since(asked)))
      // The mark that came with the data may have told that what was read before is worth nothing.
      const lost = asked.reset !== 'first' && asked.reset !== 'history' && this.lost.has(asked.partition)
      if (reply.length > 1 && !lost) return this.readOf(asked, reply)
      const reset = lost ? 'history' : textAt(reply, 0) === asked.epoch ? 'floor' : 'epoch'
      asked = { ...asked, base: 0, cursor: 0, epoch: '', reset }
    }
    throw unavailable('the data in redis changes hands too fast to be read; try again')
  }

  private readOf(asked: Step, reply: Reply): Read {
    const epoch = textAt(reply, 0)
    const cursor = numberAt(reply, 1)
    const version = numberAt(reply, 2)
    const done = cursor === -1
    const { partition, base, reset } = asked
    const whole = base === 0
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
    return { page, next: done ? undefined : { partition, base, cursor, epoch, reset: undefined } }
  }

  /** Data and mark, in this order on one connection. */
  private async since({ partition, base, cursor, epoch }: Step): Promise<Reply> {
    const { read } = this.link
    const keys = this.keys.partitions[partition] ?? []
    const values: Argument[] = [epoch, base, cursor, PAGE_UNITS, PAGE_BYTES]
    const data = read.callBuffer('evalsha', [scripts.since.sha, keys.length, ...keys, ...values])
    const mark = read.info('replication')
    const [first, info] = await Promise.allSettled([data, mark])
    if (info.status === 'rejected') throw info.reason
    if (first.status === 'fulfilled') {
      this.follow(info.value)
      return asList(first.value)
    }
    if (!isNoScript(first.reason)) throw first.reason
    const reply = await runScript(read, scripts.since, keys, values)
    this.follow(await read.info('replication'))
    return asList(reply)
  }

  /** The partition's time as told to readers, which never goes back. */
  private tick(partition: number, nowMs: number): number {
    const latest = Math.max(nowMs, this.lastMs[partition] ?? 0)
    this.lastMs[partition] = latest
    return latest
  }

  private assertReadable({ deadlineMs }: { deadlineMs: number }): void {
    if (performance.now() >= deadlineMs) throw unavailable('the deadline passed before redis was read')
    this.link.assertUsable()
  }
}

interface Read {
  readonly page: ChangePage
  readonly next: Step | undefined
}

function readMeta(fields: Reply, clockMs: number): Meta {
  const number = (place: number) => Number(fields[place] ?? 0)
  const [epoch] = fields
  return {
    epoch: typeof epoch === 'string' ? epoch : NO_EPOCH,
    version: number(1),
    floor: number(2),
    wiped: number(3),
    timeMs: Math.max(clockMs, number(4)),
    digest: number(5),
  }
}

async function attempt<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (reason) {
    throw classify(reason).error
  }
}
