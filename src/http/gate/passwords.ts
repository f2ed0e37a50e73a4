import { createHmac, randomBytes } from 'node:crypto'
import { Worker } from 'node:worker_threads'
import { PgrError } from '../../errors/pgr-error.ts'

/** Whether a password fits a bcrypt hash; slow on purpose. */
export type Compare = (password: string, hash: string) => Promise<boolean>

export interface Credentials {
  readonly user: string
  readonly password: string
}

export interface Passwords {
  /**
   * Whether these are the name and password of a user; at once when that was asked before. Rejects with PGR_OVERLOADED
   * when too many passwords wait to be checked.
   */
  isRight(credentials: Credentials): boolean | Promise<boolean>
  /** bcrypt hashes by user. */
  setUsers(users: ReadonlyMap<string, string>): void
}

/** Verdicts remembered of each sort; apart, so that guesses do not drive out those who know. */
const MAX_VERDICTS = 1000
/** Passwords that wait for their turn. */
const MAX_WAITING = 100
const RETRY_AFTER_SECONDS = 5
const USUAL_COST = 10

/**
 * Passwords of the users of a gateway. They are compared one at a time, and a verdict is remembered, under a digest with
 * a key of this process. A name that nobody has costs as much as one with the most expensive hash.
 */
export function makePasswords(compare: Compare): Passwords {
  const secret = randomBytes(32)
  const accepted = makeMemory()
  const refused = makeMemory()
  const asked = new Map<string, Promise<boolean>>()
  let users: ReadonlyMap<string, string> = new Map()
  let nobodysHash = makeNobodysHash(users)
  let lastTurn: Promise<unknown> = Promise.resolve()

  function digest(...texts: string[]): string {
    return createHmac('sha256', secret).update(JSON.stringify(texts)).digest('base64')
  }

  function ask(key: string, password: string, hash: string, isUser: boolean): Promise<boolean> {
    const turn = lastTurn.then(() => compare(password, hash))
    const verdict = turn.then((fits) => {
      const isRight = fits && isUser
      const memory = isRight ? accepted : refused
      memory.add(key)
      return isRight
    })
    lastTurn = turn.catch(() => {})
    asked.set(key, verdict)
    const forget = () => asked.delete(key)
    verdict.then(forget, forget)
    return verdict
  }

  return {
    isRight({ user, password }) {
      const usersHash = users.get(user)
      const hash = usersHash ?? nobodysHash
      const key = digest(user, hash, password)
      if (accepted.has(key)) return true
      if (refused.has(key)) return false
      const underWay = asked.get(key)
      if (underWay !== undefined) return underWay
      if (asked.size >= MAX_WAITING) {
        return Promise.reject(
          new PgrError('PGR_OVERLOADED', 'too many passwords wait to be checked; try again', {
            retryAfterSeconds: RETRY_AFTER_SECONDS,
          }),
        )
      }
      return ask(key, password, hash, usersHash !== undefined)
    },
    setUsers(next) {
      users = next
      nobodysHash = makeNobodysHash(next)
    },
  }
}

/** The first in is the first out. */
function makeMemory() {
  const keys = new Set<string>()
  return {
    has: (key: string) => keys.has(key),
    add(key: string): void {
      keys.add(key)
      if (keys.size <= MAX_VERDICTS) return
      for (const oldest of keys) {
        keys.delete(oldest)
        return
      }
    },
  }
}

/** Takes as long as the slowest hash there is; what it would fit does not matter. */
function makeNobodysHash(users: ReadonlyMap<string, string>): string {
  const costs = [...users.values()].map((hash) => Number(hash.slice(4, 6)))
  const cost = costs.length === 0 ? USUAL_COST : Math.max(...costs)
  return `$2b$${String(cost).padStart(2, '0')}$${'abcdefghijklmnopqrstuu'.padEnd(53, 'A')}`
}

interface Verdict {
  readonly id: number
  readonly isRight: boolean
}

export interface PasswordThread {
  readonly compare: Compare
  close(): Promise<void>
}

/** Compares in a thread that is started by the first password, and anew should it end. */
export function makePasswordThread(): PasswordThread {
  const waiting = new Map<number, { resolve(isRight: boolean): void; reject(reason: unknown): void }>()
  let thread: Worker | undefined
  let lastId = 0

  function start(): Worker {
    const started = new Worker(new URL('./password-thread.js', import.meta.url))
    started.unref()
    started.on('message', ({ id, isRight }: Verdict) => {
      waiting.get(id)?.resolve(isRight)
      waiting.delete(id)
    })
    const fail = (reason: unknown): void => {
      if (thread === started) thread = undefined
      for (const { reject } of waiting.values()) reject(reason)
      waiting.clear()
    }
    started.on('error', fail)
    started.on('exit', () => fail(new Error('the thread that checks passwords ended')))
    return started
  }

  return {
    compare: (password, hash) =>
      new Promise((resolve, reject) => {
        thread ??= start()
        lastId += 1
        waiting.set(lastId, { resolve, reject })
        thread.postMessage({ id: lastId, password, hash })
      }),
    async close() {
      await thread?.terminate()
    },
  }
}
