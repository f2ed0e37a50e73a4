import type { Redis } from 'ioredis'
import { type Argument, runScript } from './connect.ts'
import type { PartitionKeys } from './keys.ts'
import { type Packable, pack } from './packing.ts'
import { asList, listAt, type Reply, textAt } from './reply.ts'
import { scripts } from './scripts.ts'

/** One command holds up the server for as long as all its pushes take. */
const MOST_PUSHES = 16
const MOST_BYTES = 256 * 1024
/** Commands on their way beyond which pushes wait for one another: there the server has enough to do meanwhile. */
const MOST_ON_THE_WAY = 2

interface Push {
  readonly at: PartitionKeys
  readonly values: readonly Argument[]
  readonly resolve: (reply: Reply) => void
  readonly reject: (reason: unknown) => void
}

/**
 * Sends pushes that come in one turn of the event loop as one command (`write-groups`), because commands are much of what a
 * push costs here and in the server; while some are on their way, those that come meanwhile as well. Each stands for itself all the same: it is applied or refused alone, and its promise is its own.
 * When the command as a whole fails, all of them have failed with it, and whoever sent them repeats them one by one.
 */
export class Together {
  private waiting: Push[] = []
  private bytes = 0
  private isDue = false
  private onTheWay = 0

  private readonly redis: Redis

  constructor(redis: Redis) {
    this.redis = redis
  }

  /** Replies as the script does for one push; rejects with what the server said against it or against the command. */
  write(at: PartitionKeys, values: readonly Argument[]): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ at, values, resolve, reject })
      for (const value of values) this.bytes += typeof value === 'number' ? 8 : value.length
      if (this.waiting.length >= MOST_PUSHES || this.bytes >= MOST_BYTES) this.send()
      else this.sendSoon()
    })
  }

  private sendSoon(): void {
    if (this.isDue || this.onTheWay >= MOST_ON_THE_WAY) return
    this.isDue = true
    setImmediate(() => {
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
  const keys: string[] = []
  const places = new Map<PartitionKeys, number>()
  const list = pushes.map(({ at, values }): Packable => {
    let place = places.get(at)
    if (place === undefined) {
      place = places.size + 1
      places.set(at, place)
      keys.push(...at)
    }
    return [place, values]
  })
  return asList(await runScript(redis, scripts.writeGroups, keys, [pack(list)], asking))
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
