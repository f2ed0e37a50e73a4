import type { Redis } from 'ioredis'
import { unanswered } from './failures.ts'
import type { PartitionKeys } from './keys.ts'
import { type Packable, pack } from './packing.ts'
import { asList, listAt, type Reply, textAt } from './reply.ts'
import { type Argument, encodeWords, runEncoded, sendSoon, type Words } from './run-script.ts'
import { scripts } from './scripts.ts'

/** One command holds up the server for as long as all its pushes take. */
const MOST_PUSHES = 16
/** So many are enough while nothing is on its way: the server works on them while those behind them are read here. */
const ENOUGH_PUSHES = 8
const MOST_BYTES = 256 * 1024
/** Commands on their way beyond which pushes wait for one another: there the server has enough to do meanwhile. */
const MOST_ON_THE_WAY = 2

interface Push {
  readonly at: PartitionKeys
  readonly values: readonly Argument[]
  readonly deadlineMs: number
  readonly resolve: (reply: Reply) => void
  readonly reject: (reason: unknown) => void
}

/**
 * Sends pushes that come in one turn of the event loop as one command (`write-groups`), because commands are much of what a
 * push costs here and in the server; while some are on their way, those that come meanwhile as well. Each stands for
 * itself all the same: it is applied or refused alone, and its promise is its own. When the command as a whole fails, all
 * of them have failed with it, and whoever sent them repeats them one by one.
 */
export class Together {
  private waiting: Push[] = []
  private bytes = 0
  private isDue = false
  private onTheWay = 0
  private readonly unanswered = new Set<Push>()
  /** When pushes are looked for whose deadline is over. One timer does for all: one for each is much of what a push costs. */
  private lookMs = Number.POSITIVE_INFINITY
  private look: NodeJS.Timeout | undefined

  private readonly redis: Redis

  constructor(redis: Redis) {
    this.redis = redis
  }

  /**
   * Replies as the script does for one push; rejects with what the server said against it or against the command, and when
   * there is no answer by `deadlineMs` (performance.now).
   */
  write(at: PartitionKeys, values: readonly Argument[], deadlineMs: number): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const push = { at, values, deadlineMs, resolve, reject }
      this.waiting.push(push)
      this.unanswered.add(push)
      if (deadlineMs < this.lookMs) this.lookAt(deadlineMs)
      for (const value of values) this.bytes += typeof value === 'number' ? 8 : value.length
      const enough = this.onTheWay === 0 ? ENOUGH_PUSHES : MOST_PUSHES
      if (this.waiting.length >= enough || this.bytes >= MOST_BYTES) this.send()
      else this.sendSoon()
    })
  }

  private lookAt(instantMs: number): void {
    clearTimeout(this.look)
    this.lookMs = instantMs
    if (instantMs === Number.POSITIVE_INFINITY) return
    this.look = setTimeout(() => this.giveUp(), Math.max(0, instantMs - performance.now()))
    // What is on its way keeps the process alive by its socket.
    this.look.unref()
  }

  private giveUp(): void {
    const nowMs = performance.now()
    let nextMs = Number.POSITIVE_INFINITY
    for (const push of this.unanswered) {
      if (push.deadlineMs > nowMs) {
        nextMs = Math.min(nextMs, push.deadlineMs)
        continue
      }
      this.unanswered.delete(push)
      push.reject(unanswered())
    }
    this.lookAt(nextMs)
  }

  private sendSoon(): void {
    if (this.isDue || this.onTheWay >= MOST_ON_THE_WAY) return
    this.isDue = true
    sendSoon(this.redis, () => {
      this.isDue = false
      if (this.waiting.length > 0) this.send()
    })
  }

  private send(): void {
    const pushes = this.waiting
    this.waiting = []
    this.bytes = 0
    this.onTheWay++
    void run(this.redis, pushes, false)
      .then(
        (replies) => settle(pushes, replies),
        (reason) => {
          for (const { reject } of pushes) reject(reason)
        },
      )
      .then(() => {
        for (const push of pushes) this.unanswered.delete(push)
        this.onTheWay--
        if (this.waiting.length > 0) this.sendSoon()
      })
  }
}

/** A push by itself, on a node that is taking its slot over. */
export async function writeAlone(
  redis: Redis,
  at: PartitionKeys,
  values: readonly Argument[],
  asking: boolean,
): Promise<Reply> {
  const [reply] = await run(redis, [{ at, values }], asking)
  return own(asList(reply))
}

async function run(
  redis: Redis,
  pushes: readonly Pick<Push, 'at' | 'values'>[],
  asking: boolean,
): Promise<Reply> {
  const places = new Map<PartitionKeys, number>()
  const list = pushes.map(({ at, values }): Packable => {
    const place = places.get(at) ?? places.size + 1
    places.set(at, place)
    return [place, values]
  })
  const keys = [...places.keys()].map(encodedKeys)
  const rest = [
    encodeWords([String(keys.reduce((sum, { count }) => sum + count, 0))]),
    ...keys,
    encodeWords([pack(list)]),
  ]
  return asList(await runEncoded(redis, scripts.writeGroups, rest, asking))
}

/** A command has the keys of as many partitions as it has pushes, and these are always the same. */
const encoded = new WeakMap<PartitionKeys, Words>()

function encodedKeys(keys: PartitionKeys): Words {
  let words = encoded.get(keys)
  if (words === undefined) {
    words = encodeWords(keys)
    encoded.set(keys, words)
  }
  return words
}

function settle(pushes: readonly Push[], replies: Reply): void {
  for (const [place, { resolve, reject }] of pushes.entries()) {
    try {
      resolve(own(listAt(replies, place)))
    } catch (reason) {
      reject(reason)
    }
  }
}

function own(reply: Reply): Reply {
  if (textAt(reply, 0) === 'error') throw new Error(textAt(reply, 1))
  return reply
}
