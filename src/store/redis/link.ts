import { randomBytes } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { PgrError } from '../../errors/pgr-error.ts'
import { ServerClock } from './clock.ts'
import { makeConnection, runScript, targetOf } from './connect.ts'
import { showEndpoint } from './endpoint.ts'
import { classify, misconfigured, unavailable } from './failures.ts'
import { type Info, readInfo } from './info.ts'
import { HASH, type Keyspace, PARTITIONS, SCHEMA } from './keys.ts'
import type { RedisStoreOptions } from './options.ts'
import { asList, textAt } from './reply.ts'
import { whyUnusable } from './requirements.ts'
import { scripts } from './scripts.ts'

/** Far beyond any clock; for housekeeping that nobody waits for. */
export const NO_DEADLINE = '9007199254740991'

const PREPARE_AGAIN_MS = 500
const FIRST_WAIT_MS = 2000
/** A reset connection is back well within this; a server that restarts or fails over is not. */
const COMEBACK_MS = 500
const COMEBACK_STEP_MS = 5

/**
 * The two connections to one Redis, and whether they may be used. Pushes go over one and reads over the other, so that a
 * big read does not stand in the way of a push.
 *
 * Every time the connection comes up the server is looked at first: is it one we can use, is the keyspace ours, do all
 * partitions exist. Until then every call is refused with why.
 */
export class Link {
  readonly write: Redis
  readonly read: Redis
  readonly clock = new ServerClock()
  readonly endpoint: string
  /** Counts connections of the read side. */
  connection = 0
  /** Told when the server was looked at and is fine. */
  onUsable: (info: Info) => void = () => undefined

  private readonly options: RedisStoreOptions
  private readonly keys: Keyspace
  private trouble: PgrError | undefined
  private lostAtMs: number | undefined
  private closed = false
  private again: NodeJS.Timeout | undefined
  private epochs = 0
  private readonly seedPrefix = randomBytes(6).toString('hex')
  private lastError = 'not connected yet'

  constructor(options: RedisStoreOptions, keys: Keyspace) {
    this.options = options
    this.keys = keys
    this.endpoint = showEndpoint(targetOf(options))
    this.trouble = unavailable(`redis at ${this.endpoint} is not connected yet`)
    this.write = makeConnection(options, 'pgr-write')
    this.read = makeConnection(options, 'pgr-read')
    for (const redis of [this.write, this.read]) {
      redis.on('error', (error: Error) => {
        this.lastError = error.message
      })
    }
    this.read.on('ready', () => {
      this.connection++
    })
    this.write.on('close', () => this.lose(classify(new Error(this.lastError)).error))
  }

  /**
   * Connects. Resolves when the server is usable, and also when it is away or refuses us, because that may mend; rejects
   * only when it is a server that must not be used.
   */
  async open(): Promise<void> {
    void this.read.connect().catch(() => undefined)
    const first = this.write.connect().then(
      () => this.prepare(),
      () => undefined,
    )
    const unusable = await Promise.race([first, wait(FIRST_WAIT_MS)])
    this.write.on('ready', () => {
      // The other connection need not sit out its pause when it is known that somebody answers.
      if (this.read.status === 'reconnecting') void this.read.connect().catch(() => undefined)
      void this.prepare()
    })
    if (unusable === undefined) return
    await this.close()
    throw unusable
  }

  /** Why nothing can be sent; undefined when it can. */
  whyNot(): PgrError | undefined {
    if (this.closed) return unavailable('the store is closed')
    return this.trouble
  }

  assertUsable(): void {
    const why = this.whyNot()
    if (why !== undefined) throw why
  }

  /**
   * Waits for a connection that was lost a moment ago and is about to come back; resolves at once when it is there, or
   * when it has been away for so long that waiting would only pile up requests.
   */
  async comeback(deadlineMs: number): Promise<void> {
    while (this.trouble !== undefined && !this.closed && this.lostAtMs !== undefined) {
      const nowMs = performance.now()
      if (nowMs - this.lostAtMs > COMEBACK_MS || nowMs >= deadlineMs) return
      await wait(COMEBACK_STEP_MS)
    }
  }

  /** A name for the epoch that a partition starts when a script finds it missing; never the same twice. */
  seed(): string {
    return `${this.seedPrefix}${(this.epochs++).toString(36)}`
  }

  /** Partitions turned out to be missing: the data was flushed. Puts them, and the configuration, back. */
  restore(): void {
    if (this.trouble === undefined && !this.closed) void this.prepare()
  }

  async close(): Promise<void> {
    if (this.closed) return
    this.closed = true
    clearTimeout(this.again)
    for (const redis of [this.write, this.read]) redis.disconnect()
  }

  private lose(reason: PgrError): void {
    if (this.closed) return
    const wasFine = this.trouble === undefined
    this.trouble = reason
    if (!wasFine && this.lostAtMs !== undefined) return
    this.lostAtMs = performance.now()
    this.options.tell({ kind: 'store.lost', store: 'redis', reason: reason.message })
  }

  /** Looks at the server; returns why it must not be used. */
  private async prepare(): Promise<PgrError | undefined> {
    clearTimeout(this.again)
    try {
      const sentMs = performance.now()
      const [seconds = 0, micros = 0] = (await this.write.time()).map(Number)
      this.clock.observe(Math.floor(seconds * 1000 + micros / 1000), sentMs, performance.now())
      const info = readInfo(await this.write.info())
      const unusable =
        whyUnusable(info, this.options.forceEvictionPolicy === true) ?? (await this.whyForeign())
      if (unusable !== undefined) {
        this.lose(unusable)
        this.prepareLater()
        return unusable
      }
      if (info.get('role') === 'slave') throw new Error('READONLY the endpoint is a replica')
      await this.createPartitions()
      if (this.closed) return undefined
      this.trouble = undefined
      if (this.lostAtMs !== undefined) {
        const downSeconds = (performance.now() - this.lostAtMs) / 1000
        this.lostAtMs = undefined
        this.options.tell({ kind: 'store.back', store: 'redis', downSeconds })
      }
      this.onUsable(info)
    } catch (reason) {
      this.lose(classify(reason).error)
      this.prepareLater()
    }
    return undefined
  }

  private prepareLater(): void {
    if (this.closed) return
    this.again = setTimeout(() => {
      if (this.write.status === 'ready') void this.prepare()
    }, PREPARE_AGAIN_MS)
    this.again.unref()
  }

  private async whyForeign(): Promise<PgrError | undefined> {
    const ours = [SCHEMA, String(PARTITIONS), HASH]
    const found = asList(await runScript(this.write, scripts.configure, [this.keys.configuration], ours))
    const theirs = ours.map((_, place) => textAt(found, place))
    if (theirs.every((value, place) => value === ours[place])) return undefined
    return misconfigured(
      `the data under ${this.keys.configuration} has schema ${theirs[0]}, ${theirs[1]} partitions and hash ${theirs[2]}; this version of pgr writes schema ${ours[0]}, ${ours[1]} partitions and hash ${ours[2]}; use another key prefix`,
    )
  }

  private async createPartitions(): Promise<void> {
    const pipeline = this.write.pipeline()
    for (const [meta] of this.keys.partitions) pipeline.hget(meta, 'e')
    const found = (await pipeline.exec()) ?? []
    const missing = this.keys.partitions.filter((_, partition) => {
      const [error, epoch] = found[partition] ?? []
      if (error) throw error
      return epoch === null
    })
    await Promise.all(
      missing.map((keys) => runScript(this.write, scripts.init, keys, ['', NO_DEADLINE, this.seed()])),
    )
  }
}

function wait(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(resolve, ms, undefined).unref())
}
