import { Socket } from 'node:net'
import type { Redis } from 'ioredis'
import type { PgrError } from '../../errors/pgr-error.ts'
import { type HistoryMark, markOf } from './chain.ts'
import { ServerClock } from './clock.ts'
import { hangUp, makeConnection, type Way } from './connect.ts'
import { classify, unavailable } from './failures.ts'
import { type Info, readInfo } from './info.ts'
import type { RedisStoreOptions } from './options.ts'

const PREPARE_AGAIN_MS = 500
const READY_WITHIN_MS = 1000
const REVIVE_AFTER_MS = 100

/** What a primary needs of the one that keeps it. */
export interface PrimaryKeeper {
  /**
   * The server answers and is a primary: may it be used, and is everything it holds as it should be? Returns why it must
   * not be used; rejects when that cannot be told now.
   */
  admit(primary: Primary, info: Info): Promise<PgrError | undefined>
  /** Told after every change between usable and not. */
  changed(primary: Primary): void
  /** The server turned out to be a replica. */
  demoted(info: Info): void
}

/**
 * The two connections to one primary, and whether they may be used. Pushes go over one and reads over the other, so that
 * a big read does not stand in the way of a push.
 *
 * Every time a connection comes up the server is looked at first, and whoever keeps it has a say. Until then every call is
 * refused with why.
 */
export class Primary {
  readonly write: Redis
  readonly read: Redis
  readonly clock = new ServerClock()
  /** For messages. */
  readonly endpoint: string
  /** Where the server's history stood when it last answered. */
  mark: HistoryMark | undefined
  /** Counts looks at the server; what was asked before a look is not answered by what comes after. */
  generation = 0
  /** Instant (performance.now) since which it cannot be used; undefined while it can. */
  awaySinceMs: number | undefined = performance.now()

  private readonly keeper: PrimaryKeeper
  private trouble: PgrError | undefined
  private doubt: PgrError | undefined
  private connections = 0
  private closed = false
  private again: NodeJS.Timeout | undefined
  private preparing: Promise<PgrError | undefined> | undefined
  private waiting: Promise<PgrError | undefined> | undefined
  private lastError = 'not connected yet'
  private looked: (unusable: PgrError | undefined) => void = () => undefined

  constructor(options: RedisStoreOptions, way: Way, endpoint: string, keeper: PrimaryKeeper) {
    this.endpoint = endpoint
    this.keeper = keeper
    this.trouble = unavailable(`redis at ${endpoint} is not connected yet`)
    this.write = makeConnection(options, 'pgr-write', way)
    this.read = makeConnection(options, 'pgr-read', way)
    for (const redis of [this.write, this.read]) {
      redis.on('error', ({ message }: Error) => {
        // Why was told before that.
        if (!/^All sentinels .* Connection is closed\.$/.test(message)) this.hear(message)
      })
      redis.on('close', () => this.lose(classify(new Error(this.lastError)).error))
      redis.on('end', () => this.revive(redis))
    }
    this.read.on('ready', () => {
      this.connections++
    })
    for (const redis of [this.write, this.read]) redis.on('ready', () => this.connected(redis))
  }

  /**
   * Connects, and resolves when the server was looked at or is known to be away, with why it must not be used if that is
   * certain.
   */
  open(): Promise<PgrError | undefined> {
    return new Promise((resolve) => {
      this.looked = resolve
      for (const redis of [this.write, this.read]) redis.connect().catch(() => resolve(undefined))
    })
  }

  /** Why nothing can be sent; undefined when it can. */
  whyNot(): PgrError | undefined {
    if (this.closed) return unavailable('the store is closed')
    return this.trouble ?? this.doubt
  }

  /** Whether it has to be looked at before it is used again; not so when it was only held back. */
  isLost(): boolean {
    return this.trouble !== undefined
  }

  assertUsable(): void {
    const why = this.whyNot()
    if (why !== undefined) throw why
  }

  /** Holds everything back, for a reason that the server itself does not know of; undefined lets go again. */
  distrust(why: PgrError | undefined): void {
    const changes = (this.doubt === undefined) !== (why === undefined)
    this.doubt = why
    if (changes) this.awayOrBack()
  }

  /** The mark in a reply that came over the read connection. */
  markOf(info: Info): HistoryMark {
    return markOf(info, this.connections)
  }

  /**
   * Looks at the server again, after what is being done at the moment. Resolves with why it must not be used; not
   * rejected when it cannot be told, which `whyNot` then says.
   */
  prepare(): Promise<PgrError | undefined> {
    if (this.preparing === undefined) {
      this.preparing = this.prepareOnce().finally(() => {
        this.preparing = undefined
      })
      return this.preparing
    }
    this.waiting ??= this.preparing.then(() => {
      this.waiting = undefined
      return this.prepare()
    })
    return this.waiting
  }

  /** Where the connection for writes leads; undefined while there is none. */
  remote(): { host: string; port: number } | undefined {
    const { stream } = this.write
    if (this.write.status !== 'ready' || !(stream instanceof Socket)) return undefined
    const { remoteAddress, remotePort } = stream
    if (remoteAddress === undefined || remotePort === undefined) return undefined
    return { host: remoteAddress.replace(/^::ffff:/, ''), port: remotePort }
  }

  /** Lets go of both connections at once; in-flight commands fail. They come back by themselves. */
  reconnect(): void {
    for (const redis of [this.write, this.read]) hangUp(redis, true)
  }

  close(): void {
    this.closed = true
    clearTimeout(this.again)
    for (const redis of [this.write, this.read]) hangUp(redis)
  }

  /** The later of the two sets off the look at the server. */
  private connected(redis: Redis): void {
    this.lastError = 'the connection was lost'
    const other = redis === this.write ? this.read : this.write
    if (other.status === 'ready') void this.prepare().then(this.looked)
    // It need not sit out its pause when it is known that somebody answers.
    else if (other.status === 'reconnecting') other.connect().catch(() => undefined)
  }

  /**
   * The client gives up for good when a failover is announced, or it is told to let go, in the moment in which it asks
   * Sentinels for the primary.
   */
  private revive(redis: Redis): void {
    setTimeout(() => {
      if (!this.closed && redis.status === 'end') redis.connect().catch(() => undefined)
    }, REVIVE_AFTER_MS).unref()
  }

  /** What is wrong with the way there; while there is none it is why nothing can be sent. */
  private hear(message: string): void {
    this.lastError = message
    if (this.trouble !== undefined && this.write.status !== 'ready' && this.read.status !== 'ready')
      this.trouble = classify(new Error(message)).error
  }

  private lose(reason: PgrError): void {
    if (this.closed) return
    this.trouble = reason
    this.generation++
    this.awayOrBack()
  }

  private awayOrBack(): void {
    const isAway = this.whyNot() !== undefined
    if (isAway) this.awaySinceMs ??= performance.now()
    else this.awaySinceMs = undefined
    if (!this.closed) this.keeper.changed(this)
  }

  private async prepareOnce(): Promise<PgrError | undefined> {
    clearTimeout(this.again)
    if (this.closed) return undefined
    try {
      await Promise.all([becomesReady(this.write), becomesReady(this.read)])
      const connections = this.connections
      const [info, other] = await Promise.all([this.write.info(), this.read.info('server')])
      const said = readInfo(info)
      if (said.get('role') === 'slave') {
        this.keeper.demoted(said)
        throw new Error('READONLY the endpoint is a replica')
      }
      if (said.get('run_id') !== readInfo(other).get('run_id')) {
        this.reconnect()
        throw new Error('READONLY the two connections reached different servers')
      }
      const unusable = await this.keeper.admit(this, said)
      if (unusable === undefined) await this.readClock()
      if (this.closed) return undefined
      if (unusable === undefined && this.isConnected() && connections === this.connections) {
        this.mark = this.markOf(said)
        this.generation++
        this.trouble = undefined
        this.awayOrBack()
        return undefined
      }
      this.lose(unusable ?? classify(new Error(this.lastError)).error)
      this.prepareLater()
      return unusable
    } catch (reason) {
      this.lose(classify(reason).error)
      this.prepareLater()
      return undefined
    }
  }

  private async readClock(): Promise<void> {
    const sentMs = performance.now()
    const [seconds = 0, micros = 0] = (await this.write.time()).map(Number)
    this.clock.observe(Math.floor(seconds * 1000 + micros / 1000), sentMs, performance.now())
  }

  /** Whether both connections are up, whatever is thought of the server. */
  isConnected(): boolean {
    return this.write.status === 'ready' && this.read.status === 'ready'
  }

  private prepareLater(): void {
    if (this.closed) return
    clearTimeout(this.again)
    this.again = setTimeout(() => {
      if (this.isConnected()) void this.prepare()
    }, PREPARE_AGAIN_MS)
    this.again.unref()
  }
}

/** Two connections do not come up in the same moment. */
async function becomesReady(redis: Redis): Promise<void> {
  const untilMs = performance.now() + READY_WITHIN_MS
  while (redis.status !== 'ready') {
    if (performance.now() > untilMs || redis.status === 'end') throw new Error('the connection is not up')
    await new Promise((resolve) => setTimeout(resolve, 5).unref())
  }
}
